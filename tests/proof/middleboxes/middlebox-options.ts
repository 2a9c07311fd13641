import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { middleboxes } from './catalogue.ts';
import type { Middlebox } from './middlebox.ts';
import type { Times } from './run-middleboxes.ts';

/** One order from the command line. */
export type MiddleboxOptions =
  | { readonly kind: 'help' }
  /** Write the tables of docs/reliability.md from the recorded run. */
  | { readonly kind: 'doc' }
  | {
      readonly kind: 'run';
      readonly boxes: readonly Middlebox[];
      readonly times: Times;
      readonly rounds: number;
      /** Decides when events are published. */
      readonly seed: number;
      /** Whether @upstash/realtime runs instead of our readers. */
      readonly isPeer: boolean;
      /** The file that gets the figures; null: none. */
      readonly json: string | null;
    };

/** The parts of a round. In the short one, a reader has time for two or three tries. */
const fullTimes: Times = { learnMs: 40_000, steadyMs: 110_000, behaveMs: 90_000 };
const shortTimes: Times = { learnMs: 35_000, steadyMs: 25_000, behaveMs: 8_000 };

/** What `npm run proof:middleboxes -- --help` says. */
export const middleboxHelp = `Reads our feed through middleboxes that misbehave, all at the same time, and measures what a reader gets.

  npm run proof:middleboxes      one round behind every middlebox; takes about five minutes, mostly of waiting
  --only <name>                  use only this middlebox; repeatable
  --rounds <n>                   number of rounds; the report shows medians, and the worst of what must not happen
  --seed <n>                     when events are published; default: a fresh seed, which is printed
  --short                        short rounds of a minute: they show whether the promise holds, but no way back
  --peer                         run @upstash/realtime behind the middleboxes, instead of our server. The run installs the
                                 package, and needs Chromium for its client
  --json <file>                  also write the figures to this file; they replace older figures of the same readers
  --doc                          run nothing; write the tables of docs/reliability.md from
                                 tests/proof/runs/middleboxes.json

Exit code 1 if our reader lost or doubled an event, or was late behind a middlebox where it must not be. The middleboxes:

${middleboxes.map(({ name, title }) => `  ${name.padEnd(22)} ${title}`).join('\n')}
`;

/** Reads the command line of `npm run proof:middleboxes`. @throws Error that names the option and what is allowed. */
export function readMiddleboxOptions(args: readonly string[]): MiddleboxOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
      short: { type: 'boolean', default: false },
      peer: { type: 'boolean', default: false },
      json: { type: 'string' },
      doc: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return { kind: 'help' };
  if (values.doc) return { kind: 'doc' };
  return {
    kind: 'run',
    boxes: values.only?.map(boxOf) ?? middleboxes,
    times: values.short ? shortTimes : fullTimes,
    rounds: wholeNumber('rounds', values.rounds, 1),
    seed: wholeNumber('seed', values.seed, 0),
    isPeer: values.peer,
    json: values.json ?? null,
  };
}

function boxOf(name: string): Middlebox {
  const found = middleboxes.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new Error(`--only ${name}: There is no such middlebox. --help lists them.`);
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least) return value;
  throw new Error(`--${option} ${text} is not valid. Use a whole number, at least ${least}.`);
}
