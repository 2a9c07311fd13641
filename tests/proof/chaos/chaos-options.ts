import { parseArgs } from 'node:util';
import { FeedError } from '../../../lib/core/feed-error.ts';
import type { Fault } from './faults/fault.ts';
import { faults } from './faults/faults.ts';
import { type SabotageName, sabotages } from './oracle/sabotage.ts';

/** How a run is to be. */
export type ChaosOptions = {
  readonly seed: number;
  /** How long faults strike, in ms. */
  readonly forMs: number;
  /** The faults to draw from. */
  readonly chosen: readonly Fault[];
  /** How many at a time, at most. */
  readonly together: number;
  readonly readers: number;
  readonly publishers: number;
  /** Mean pause of a publisher between two requests, in ms. */
  readonly pauseMs: number;
  /** Whether some of the readers are native ones, in Chromium: a run without them fails, has them if it can, or not. */
  readonly browser: 'needed' | 'if found' | 'no';
  /** Whether the peer runs beside it. */
  readonly withPeer: boolean;
  /** Falsifies what each reader was told. */
  readonly sabotage: SabotageName | null;
  /** File for the figures, as JSON. */
  readonly json: string | null;
  /** Whether the timeline is told while it happens. */
  readonly isVerbose: boolean;
};

const options = {
  minutes: { type: 'string' },
  seconds: { type: 'string' },
  seed: { type: 'string' },
  only: { type: 'string', multiple: true },
  faults: { type: 'string', default: '6' },
  readers: { type: 'string', default: '80' },
  publishers: { type: 'string', default: '12' },
  pause: { type: 'string', default: '150' },
  sabotage: { type: 'string' },
  json: { type: 'string' },
  browser: { type: 'boolean', default: false },
  'no-browser': { type: 'boolean', default: false },
  peer: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  table: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What `npm run proof:chaos -- --help` says. */
export const chaosHelp = `Lets everything go wrong at once, and sees whether every reader gets every event.

  npm run proof:chaos -- --minutes 5 --seed 7   the same plan of faults for the same seed; the machine's timing differs
  --seconds <n>       instead of --minutes; default 60 seconds
  --seed <n>          default: a fresh one, which is printed
  --only <fault>      repeatable: faults whose name has this in it
  --faults <n>        how many at a time, at most; default 6
  --readers <n>       default 80
  --publishers <n>    default 12
  --pause <ms>        mean pause of a publisher between two requests; default 150
  --browser           fails without the two readers that are native EventSources in the system's Chromium; they take
                      part wherever one is found, and it is printed whether they do
  --no-browser        without them
  --peer              @upstash/realtime runs beside it, on a stand of its own, under the same faults, and is compared; it
                      is installed for that, and needs Chromium, for its client does
  --json <file>       writes the figures
  --table <file>      runs nothing: writes the table of such a file into docs/reliability.md
  --verbose           tells what happens while it does
  --sabotage <way>    falsifies what each reader was told, to see that it is noticed: ${Object.keys(sabotages).join(', ')}

Exit code 1 when anything was lost, doubled, out of order or untold. The faults:

${faults.map(({ name }) => `  ${name}`).join('\n')}
`;

/** What the command line asks for. */
export type ChaosOrder =
  | { readonly kind: 'help' }
  /** Write the table of figures that a run left in `file` into the docs. */
  | { readonly kind: 'table'; readonly file: string }
  | { readonly kind: 'run'; readonly options: ChaosOptions };

/**
 * Reads the command line of `npm run proof:chaos`.
 * @param freshSeed used where none is given.
 * @throws FeedError `bad-request`, naming the option and what is allowed.
 */
export function readChaosOrder(args: readonly string[], freshSeed: number): ChaosOrder {
  const given = parse(args);
  if (given.help) return { kind: 'help' };
  if (given.table !== undefined) return { kind: 'table', file: given.table };
  return { kind: 'run', options: readRun(given, freshSeed) };
}

function readRun(given: ReturnType<typeof parse>, freshSeed: number): ChaosOptions {
  const seconds = given.seconds === undefined ? 60 : number('seconds', given.seconds, 5, 86_400);
  const forMs = given.minutes === undefined ? seconds : number('minutes', given.minutes, 1, 1_440) * 60;
  return {
    seed: given.seed === undefined ? freshSeed : number('seed', given.seed, 0, 2 ** 31),
    forMs: forMs * 1_000,
    chosen: choose(given.only ?? []),
    together: number('faults', given.faults, 1, 100),
    readers: number('readers', given.readers, 3, 1_000),
    publishers: number('publishers', given.publishers, 1, 100),
    pauseMs: number('pause', given.pause, 0, 60_000),
    sabotage: readSabotage(given.sabotage),
    json: given.json ?? null,
    browser: readBrowser(given),
    withPeer: given.peer,
    isVerbose: given.verbose,
  };
}

function readBrowser(given: ReturnType<typeof parse>): ChaosOptions['browser'] {
  if (!given['no-browser']) return given.browser ? 'needed' : 'if found';
  if (!given.browser) return 'no';
  throw new FeedError('bad-request', '--browser, --no-browser: allowed is one of the two');
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new FeedError('bad-request', cause instanceof Error ? cause.message : String(cause));
  }
}

function number(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new FeedError('bad-request', `--${name}: "${text}"; allowed is a whole number from ${min} to ${max}`);
}

function choose(only: readonly string[]): readonly Fault[] {
  if (only.length === 0) return faults;
  const chosen = only.flatMap((part) => {
    const found = faults.filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
    if (found.length > 0) return found;
    throw new FeedError('bad-request', `--only: no fault has "${part}" in its name; --help lists them`);
  });
  return [...new Set(chosen)];
}

function readSabotage(text: string | undefined): SabotageName | null {
  if (text === undefined) return null;
  if (text in sabotages) return text as SabotageName;
  throw new FeedError(
    'bad-request',
    `--sabotage: "${text}"; allowed are ${Object.keys(sabotages).join(', ')}`,
  );
}
