import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commandArguments } from '../../scripts/command-line.ts';
import { fillIn } from '../support/doc-table.ts';
import { answersPlace, answersTable } from './answers/answers-table.ts';
import { type AnswersRun, buildAnswersApp, runAnswers } from './answers/run-answers.ts';

const doc = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));

const help = `Asks a language model questions in two ways, while servers are killed and connections are cut: by the recipe of this
project, and by resumable-stream. It counts the answers that arrive with every token once, in order.

  npm run proof:answers -- --answers 200 --seed 7

  --answers <n>    questions in each way; default 200
  --together <n>   questions of each way at the same time; default 10
  --seed <n>       decides the cuts and the kills; default: a fresh seed, which is printed
  --kill <s>       mean time between two kills of a server, in seconds; default 30
  --json <file>    write the result to this file
  --doc <file>     run nothing; write the table of a file from --json into docs/reliability.md
  --help, -h       this help

The run installs the AI SDK and resumable-stream in a copy of the app, and needs redis-server.`;

async function answers(): Promise<void> {
  const { values } = parseArgs({
    args: commandArguments(),
    options: {
      answers: { type: 'string', default: '200' },
      together: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      kill: { type: 'string', default: '30' },
      json: { type: 'string' },
      doc: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(help);
  if (values.doc !== undefined) {
    const run = JSON.parse(readFileSync(values.doc, 'utf8')) as AnswersRun;
    const text = fillIn(readFileSync(doc, 'utf8'), [{ name: answersPlace, text: answersTable(run) }]);
    return writeFileSync(doc, text);
  }
  const options = {
    seed: numberOf('--seed', values.seed, 0),
    answers: numberOf('--answers', values.answers, 1),
    together: numberOf('--together', values.together, 1),
    killEveryMs: numberOf('--kill', values.kill, 1) * 1_000,
  };
  console.error(`answers: seed ${options.seed}`);
  using copy = await buildAnswersApp();
  const run = await runAnswers(copy, options, (line) => console.error(line));
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(run, null, 2)}\n`);
  console.log(answersTable(run));
  if (run.ways.feed.exact < options.answers) process.exitCode = 1;
}

function numberOf(name: string, text: string, least: number): number {
  const value = Number(text);
  if (text !== '' && Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`${name} is "${text}". Use a whole number, ${least} or more.`);
}

// Each started process adds one listener; Node would warn at 11.
process.setMaxListeners(100);
// `exit` ends all started processes. A signal alone does not emit it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

try {
  await answers();
} catch (cause) {
  process.stderr.write(`answers: ${cause instanceof Error ? cause.message : cause}\n`);
  process.exitCode = 2;
}
