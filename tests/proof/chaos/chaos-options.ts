import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FeedError } from '../../../lib/core/feed-error.ts';
import type { Fault } from './faults/fault.ts';
import { faults } from './faults/faults.ts';
import { type SabotageName, sabotages } from './oracle/sabotage.ts';

/** The settings of one run. */
export type ChaosOptions = {
  readonly seed: number;
  /** For how long faults happen, in ms. */
  readonly forMs: number;
  /** The faults that this run uses. */
  readonly chosen: readonly Fault[];
  /** Maximum number of faults at the same time. */
  readonly together: number;
  readonly readers: number;
  readonly publishers: number;
  /** Mean pause of a publisher between two requests, in ms. */
  readonly pauseMs: number;
  /** Readers in Chromium. `needed`: the run fails without a browser. `if found`: they run if a browser is installed. */
  readonly browser: 'needed' | 'if found' | 'no';
  /** Whether the peer runs too. */
  readonly withPeer: boolean;
  /** Falsifies what each reader received; null: nothing is falsified. */
  readonly sabotage: SabotageName | null;
  /** The folder of the built app; null: this project. */
  readonly app: string | null;
  /** Whether the app reaches Redis over TCP. The faults of the REST endpoint are then left out. */
  readonly isOverTcp: boolean;
  /** The file that gets the figures as JSON; null: none. */
  readonly json: string | null;
  /** Whether the run prints its timeline while it goes on. */
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
  app: { type: 'string' },
  json: { type: 'string' },
  browser: { type: 'boolean', default: false },
  'no-browser': { type: 'boolean', default: false },
  peer: { type: 'boolean', default: false },
  tcp: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  table: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What `npm run proof:chaos -- --help` says. */
export const chaosHelp = `Causes many faults at the same time and checks that every reader gets every event once, in order.

  npm run proof:chaos -- --minutes 5 --seed 7   the same seed plans the same faults; the timing of the machine differs

  --seconds <n>       for how long faults happen; default 60
  --minutes <n>       the same in minutes
  --seed <n>          decides the plan of faults; default: a fresh seed, which is printed
  --only <text>       use only faults with this text in their name; repeatable
  --faults <n>        maximum number of faults at the same time; default 6
  --readers <n>       number of readers; default 80
  --publishers <n>    number of publishers; default 12
  --pause <ms>        mean pause of a publisher between two requests; default 150
  --browser           fail if Chromium is not installed. Without this option, two readers run in Chromium if it is found;
                      the run prints which readers take part
  --no-browser        use no browser
  --peer              also run @upstash/realtime under the same faults, on servers of its own, and compare the two. The run
                      installs the package, and needs Chromium for its client
  --tcp               reach Redis over TCP, without the faults of the REST endpoint
  --app <folder>      judge the app in this folder, which must be built; default: this project
  --json <file>       write the figures to this file
  --table <file>      run nothing; write the table of a file from --json into docs/reliability.md
  --verbose           print the timeline during the run
  --sabotage <way>    falsify what the readers received, to see that the check notices it:
                      ${Object.keys(sabotages).join(', ')}

Exit code 1 if an event was lost without a gap, received twice or received out of order, or if any other promise was
broken. The faults:

${faults.map(({ name }) => `  ${name}`).join('\n')}
`;

/** One order from the command line. */
export type ChaosOrder =
  | { readonly kind: 'help' }
  /** Write the table of a recorded run into the docs. */
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
    chosen: choose(given.only ?? []).filter(({ part }) => !given.tcp || !restParts.includes(part)),
    together: number('faults', given.faults, 1, 100),
    readers: number('readers', given.readers, 3, 1_000),
    publishers: number('publishers', given.publishers, 1, 100),
    pauseMs: number('pause', given.pause, 0, 60_000),
    sabotage: readSabotage(given.sabotage),
    isOverTcp: given.tcp,
    app: given.app === undefined ? null : resolve(given.app),
    json: given.json ?? null,
    browser: readBrowser(given),
    withPeer: given.peer,
    isVerbose: given.verbose,
  };
}

/** The parts that only the REST endpoint can break. */
const restParts: readonly Fault['part'][] = ['calls', 'announcements'];

function readBrowser(given: ReturnType<typeof parse>): ChaosOptions['browser'] {
  if (!given['no-browser']) return given.browser ? 'needed' : 'if found';
  if (!given.browser) return 'no';
  throw new FeedError('bad-request', '--browser and --no-browser exclude each other. Use one of them.');
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
  throw new FeedError(
    'bad-request',
    `--${name}: "${text}" is not valid. Use a whole number from ${min} to ${max}.`,
  );
}

function choose(only: readonly string[]): readonly Fault[] {
  if (only.length === 0) return faults;
  const chosen = only.flatMap((part) => {
    const found = faults.filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
    if (found.length > 0) return found;
    throw new FeedError(
      'bad-request',
      `--only: No fault has "${part}" in its name. --help lists all faults.`,
    );
  });
  return [...new Set(chosen)];
}

function readSabotage(text: string | undefined): SabotageName | null {
  if (text === undefined) return null;
  if (text in sabotages) return text as SabotageName;
  throw new FeedError(
    'bad-request',
    `--sabotage: "${text}" is not valid. Use one of ${Object.keys(sabotages).join(', ')}.`,
  );
}
