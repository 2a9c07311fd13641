import { readSettings } from '../../../lib/config/settings.ts';
import { createRuntime, type Runtime } from '../../../lib/server/runtime.ts';
import { type Seeded, seeded } from '../seeded.ts';
import { createFaultyLog, type FaultyLog } from './faulty-log.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createMemoryLog, type MemoryLog } from './memory-log.ts';
import { createReaderRecord } from './reader-record.ts';
import { type RoamingOptions, type RoamingReader, startRoamingReader } from './roaming-reader.ts';

/** Two processes on one log, and readers that roam between them. */
export type World = {
  readonly clock: ManualClock;
  readonly random: Seeded;
  readonly log: MemoryLog;
  /** The log as each process sees it. */
  readonly processes: readonly FaultyLog[];
  readonly runtimes: readonly Runtime[];
  readonly readers: readonly RoamingReader[];
  readonly accidents: Map<string, number>;
  /** When the next accident or lagging replica may come: nobody can tell the two apart when they come together. */
  strangeAt: number;
  /** Trouble that ends at some time. */
  readonly troubles: Set<{ readonly at: number; end(): void }>;
};

/** The channels of the world. */
export const channels = ['feed', 'one', 'two'];
/** The types of its events. */
export const types = ['a', 'b', 'c'];
const retention = 700;

/** Creates the world of a seed. @param by what its readers read with. */
export function makeWorld(seed: number, by: RoamingOptions['by']): World {
  const random = seeded(seed);
  const clock = createManualClock(seed);
  const log = createMemoryLog({ retention, now: clock.now, random: clock.random });
  const accidents = new Map<string, number>();
  const processes = [createFaultyLog(log, clock), createFaultyLog(log, clock)];
  const settings = readSettings({ STREAM_MAX_SECONDS: String(random.whole(5, 30)), HEARTBEAT_SECONDS: '1' });
  const runtimes = processes.map((process) => createRuntime(settings, clock, process));
  const truth = { log, accidents: (channel: string) => accidents.get(channel) ?? 0 };
  const begin = (names: readonly string[], wanted: readonly string[] | null, start: string) =>
    startRoamingReader({
      clock,
      random,
      runtimes,
      by,
      query: [
        ...names.map((name) => `channel=${name}`),
        ...(wanted ?? []).map((type) => `type=${type}`),
      ].join('&'),
      start,
      record: createReaderRecord(truth, names, wanted === null ? null : new Set(wanted)),
    });
  const readers = [
    begin(['feed'], null, 'after=0-0'),
    begin(['feed'], null, ''),
    begin(['feed'], null, 'rewind=all'),
    begin(channels, null, 'rewind=5'),
    begin(['one', 'two'], null, ''),
    begin(['feed'], ['a'], ''),
    begin(['two', 'feed'], ['b', 'c'], 'after='.concat('feed@0-0,two@0-0')),
  ];
  return { clock, random, log, processes, runtimes, readers, accidents, strangeAt: 0, troubles: new Set() };
}
