import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Case, Size } from './cases/case.ts';
import { cases } from './cases/cases.ts';

/** One order from the command line. */
export type BenchOptions =
  | { readonly kind: 'help' }
  /** Write the tables of docs/performance.md from the recorded figures. */
  | { readonly kind: 'doc' }
  | {
      readonly kind: 'measure';
      readonly cases: readonly Case[];
      readonly size: Size;
      readonly rounds: number;
      /** Decides the order in which the contestants run. */
      readonly seed: number;
      /** The file that gets the figures; null: none. */
      readonly json: string | null;
    };

/** What `npm run proof:bench -- --help` says. */
export const benchHelp = `Measures this feed, bare Node and similar libraries in one run, each in processes of its own.

  npm run proof:bench                 measure all cases, in five rounds
  --only <case>                       measure this case only; repeatable. The cases:
                                      ${cases.map(({ name }) => name).join(', ')}
  --rounds <n>                        number of rounds; the report shows medians
  --seed <n>                          the order in which the servers take turns; repeats the order of an earlier run
  --json <file>                       also write the figures to this file; they replace older figures of the same cases
  --smoke                             a short run of everything, to see that it works; its figures mean nothing
  --doc                               measure nothing; write the tables of docs/performance.md from
                                      tests/proof/runs/performance.json`;

/** Reads the command line of `npm run proof:bench`. @throws Error that names the option and what is allowed. */
export function readBenchOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '5' },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
      json: { type: 'string' },
      smoke: { type: 'boolean', default: false },
      doc: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return { kind: 'help' };
  if (values.doc) return { kind: 'doc' };
  return {
    kind: 'measure',
    cases: values.only?.map(caseOf) ?? cases,
    size: values.smoke ? 'smoke' : 'full',
    rounds: values.smoke ? 1 : wholeNumber('rounds', values.rounds, 1),
    seed: wholeNumber('seed', values.seed, 0),
    json: values.json ?? null,
  };
}

function caseOf(name: string): Case {
  const found = cases.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new Error(
    `--only ${name}: There is no such case. Use one of ${cases.map((each) => each.name).join(', ')}.`,
  );
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least) return value;
  throw new Error(`--${option} ${text} is not valid. Use a whole number, at least ${least}.`);
}
