import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Case, Size } from './cases/case.ts';
import { cases } from './cases/cases.ts';

/** What the bench is to do. */
export type BenchOptions =
  | { readonly kind: 'help' }
  /** Write the tables of docs/performance.md from the figures that are kept beside it. */
  | { readonly kind: 'doc' }
  | {
      readonly kind: 'measure';
      readonly cases: readonly Case[];
      readonly size: Size;
      readonly rounds: number;
      /** Of the order in which contestants are run. */
      readonly seed: number;
      /** File that keeps the figures. */
      readonly json: string | null;
    };

/** What `npm run proof:bench -- --help` says. */
export const benchHelp = `Measures this feed beside bare Node and its peers, each in processes of its own, in one run.

  npm run proof:bench                      everything, five rounds
  npm run proof:bench -- --only fanout     one case: ${cases.map(({ name }) => name).join(', ')}
  npm run proof:bench -- --rounds 9        more rounds; what is told are medians
  npm run proof:bench -- --seed 7          the order of an earlier run, in which the contestants take turns
  npm run proof:bench -- --json FILE       the figures as JSON too, in place of those the file has of the same cases
  npm run proof:bench -- --smoke           a little of everything, once: does it still run?
  npm run proof:bench -- --doc             measures nothing: the tables of docs/performance.md from tests/proof/runs/performance.json`;

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
  throw new Error(`--only ${name}: allowed are ${cases.map((each) => each.name).join(', ')}`);
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least) return value;
  throw new Error(`--${option} ${text}: a whole number, at least ${least}`);
}
