import { vi } from 'vitest';
import { type DocTable, markdownTable } from '../doc-table.ts';
import {
  answerText,
  block,
  healthExample,
  latestExample,
  pageExample,
  publishExample,
  stateExample,
  streamExample,
  twoChannelsExample,
} from './exchange-examples.ts';
import { refusalExamples, refusedInStream } from './refusal-examples.ts';

/** All examples of `docs/protocol.md`, made by the real routes, each with the name of its marks. */
export async function makeExamples(): Promise<readonly DocTable[]> {
  // Retry-After has a random part. With this it is the earliest time.
  const chance = vi.spyOn(Math, 'random').mockReturnValue(0);
  try {
    const { problems, details } = await makeRefusals();
    return [
      { name: 'example: publish', text: await publishExample() },
      { name: 'example: page', text: await pageExample() },
      { name: 'example: health', text: await healthExample() },
      { name: 'example: stream', text: await streamExample() },
      { name: 'example: two channels', text: await twoChannelsExample() },
      { name: 'example: latest', text: await latestExample() },
      { name: 'example: state', text: await stateExample() },
      { name: 'example: refused', text: block(await answerText(await refusedInStream())) },
      { name: 'problems', text: problems },
      { name: 'details', text: details },
    ];
  } finally {
    chance.mockRestore();
  }
}

/** The complete problem of the first example of each code, and only the detail of the others. */
async function makeRefusals() {
  const problems: string[] = [];
  const rows: string[][] = [];
  const seen = new Set<string>();
  for (const { code, request, ask } of refusalExamples) {
    const response = await ask();
    const text = await response.text();
    const problem = JSON.parse(text);
    if (problem.type !== `urn:steadfeed:problem:${code}`) throw new Error(`${request}: ${text}`);
    if (seen.has(code)) rows.push([request, `\`${code}\``, `\`${problem.detail}\``]);
    else problems.push(`${request.replaceAll('`', '')}\n${response.status} ${text}`);
    seen.add(code);
  }
  return {
    problems: block(problems.join('\n'), 'text'),
    details: markdownTable(['request', 'code', '`detail`'], rows),
  };
}
