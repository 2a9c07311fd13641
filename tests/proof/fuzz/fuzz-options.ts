import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { FeedError } from '../../../lib/core/feed-error.ts';
import type { Run } from './run-fuzz.ts';

export type FuzzOptions = { readonly kind: 'help' } | { readonly kind: 'run'; readonly run: Run };

/** What `npm run proof:fuzz -- --help` says. */
export const fuzzHelp = `Sends requests, most of them malformed, to the production app and checks every answer.

  npm run proof:fuzz                                      100,000 requests of a fresh seed, which is printed
  npm run proof:fuzz -- --requests 5000 --seed 7          the same requests in every run
  npm run proof:fuzz -- --seed 7 --from 42 --requests 1   only request 42 of that run

  --seed <n>          decides the content of each request, together with its number
  --from <n>          number of the first request; default 0
  --requests <n>      how many requests; default 100000

Exit code 1 if an answer, the log or the server broke a rule. docs/reliability.md lists the rules.`;

/** Reads the command line of `npm run proof:fuzz`. @throws FeedError `bad-request`, naming the option and what is allowed. */
export function readFuzzOptions(args: readonly string[]): FuzzOptions {
  const values = parse(args);
  if (values.help) return { kind: 'help' };
  const run = {
    seed: wholeNumber('seed', values.seed ?? String(randomInt(1_000_000)), 0),
    from: wholeNumber('from', values.from ?? '0', 0),
    requests: wholeNumber('requests', values.requests ?? '100000', 1),
  };
  return { kind: 'run', run };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        from: { type: 'string' },
        requests: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new FeedError('bad-request', cause instanceof Error ? cause.message : String(cause));
  }
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least) return value;
  throw new FeedError(
    'bad-request',
    `--${option}: "${text}" is not valid. Use a whole number, at least ${least}.`,
  );
}
