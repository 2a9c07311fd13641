import { parseArgs } from 'node:util';
import { FeedError } from '../../../lib/core/feed-error.ts';
import { type ConstantName, constants, type Values } from './constants.ts';

export type ScaleOptions =
  | { readonly kind: 'help' }
  /** Measure the constants of that kind instead. */
  | { readonly kind: 'measure' }
  /** Count simulated days instead. `isKept`: record the run, and write the tables of docs/scale.md. */
  | { readonly kind: 'count'; readonly isKept: boolean }
  | { readonly kind: 'print'; readonly values: Values };

/** What `npm run proof:cost -- --help` says. */
export const scaleHelp = `Prints what the feed needs and costs for 10 to 1,000,000 readers: the tables of docs/scale.md.

  npm run proof:cost
  npm run proof:cost -- --redis-dollars-per-100k-commands 0.3 --regions 1
  npm run proof:cost -- --count      count what simulated days use: the tables of its chapter "A quiet feed" (takes 5 minutes)
  npm run proof:cost -- --record     the same; write the run to tests/proof/runs/cost.json, and its tables to docs/scale.md
  npm run proof:cost -- --measure    measure the constants of the kind "measured" on this machine (Linux; takes one minute)

An option sets a constant of tests/proof/cost-model/constants.ts to your own value:

${Object.keys(constants)
  .map((name) => `  --${optionOf(name)}`)
  .join('\n')}
`;

const names = Object.keys(constants) as ConstantName[];

/** The constants as they stand in the file. */
export const givenValues: Values = Object.fromEntries(
  names.map((name) => [name, constants[name].value]),
) as Values;

/** Reads the command line of `npm run proof:cost`. @throws FeedError `bad-request`, naming the option and what is allowed. */
export function readScaleOptions(args: readonly string[]): ScaleOptions {
  const given = parse(args);
  if (given.help === true) return { kind: 'help' };
  if (given.measure === true) return { kind: 'measure' };
  if (given.count === true || given.record === true) return { kind: 'count', isKept: given.record === true };
  const set = names.flatMap((name) => {
    const text = given[optionOf(name)];
    return typeof text === 'string' ? [[name, readNumber(optionOf(name), text)] as const] : [];
  });
  return { kind: 'print', values: { ...givenValues, ...Object.fromEntries(set) } };
}

/** `redisDollarsPer100kCommands` as an option: `redis-dollars-per-100k-commands`. */
function optionOf(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z0-9]+|(?<=[0-9]k)[A-Z]/g, (part) => `-${part}`).toLowerCase();
}

function parse(args: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  const isSwitch = { type: 'boolean' } as const;
  const switches = { help: isSwitch, measure: isSwitch, count: isSwitch, record: isSwitch };
  const numbers = names.map((name) => [optionOf(name), { type: 'string' }] as const);
  try {
    return parseArgs({ args: [...args], options: { ...Object.fromEntries(numbers), ...switches } }).values;
  } catch (cause) {
    throw new FeedError('bad-request', cause instanceof Error ? cause.message : String(cause));
  }
}

function readNumber(option: string, text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text)) return value;
  throw new FeedError('bad-request', `--${option}: "${text}" is not valid. Use a number such as 0.2 or 800.`);
}
