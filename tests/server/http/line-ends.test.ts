import { describe, expect, test } from 'vitest';
import { newEvent } from '../../support/log/log-steps.ts';
import { openStream } from '../../support/server/open-stream.ts';
import { makeStand } from '../../support/server/stand.ts';

const text = 'one\u0085data: two\u2028id: 9-9\u2029three';
const lineEnds = /[\u0085\u2028\u2029]/;

/** A stand whose log has an event with line ends that JSON leaves in a string, as it also was stored before. */
async function standWithText() {
  const stand = makeStand();
  await stand.memory.append({ events: [newEvent('feed', { [text]: text })], key: null });
  return stand;
}

/** Reads the body until `isWhole`. */
async function textOf(response: Response, isWhole: (text: string) => boolean): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let all = '';
  while (!isWhole(all)) {
    const part = await reader?.read();
    if (part === undefined || part.done) break;
    all += decoder.decode(part.value, { stream: true });
  }
  await reader?.cancel();
  return all;
}

describe('no line end but LF is in', () => {
  test.each(['rewind=all', 'rewind=all&type=message', 'rewind=all&channel=feed&channel=other'])(
    'the event of a stream: %s',
    async (query) => {
      const stand = await standWithText();
      const sent = await textOf(await stand.ask(`stream?${query}`), (sofar) => sofar.includes('"data":'));

      expect(sent).not.toMatch(lineEnds);
      expect((await openStream(stand, query)).data()).toEqual([{ [text]: text }]);
    },
  );

  test.each(['rewind=all', 'before=9007199254740991-9007199254740991'])('a page: %s', async (query) => {
    const page = await (await (await standWithText()).ask(`events?${query}`)).text();

    expect(page).not.toMatch(lineEnds);
    expect(JSON.parse(page).events).toMatchObject([{ data: { [text]: text } }]);
  });

  test('a refusal that quotes the request', async () => {
    const query = `after=${encodeURIComponent(text)}`;
    const problem = await (await makeStand().ask(`stream?${query}`)).text();

    expect(problem).not.toMatch(lineEnds);
    expect(JSON.parse(problem).detail).toContain(text);
  });
});
