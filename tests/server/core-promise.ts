import { createRuntime } from '../../lib/server/runtime.ts';
import { readSettings } from '../../lib/server/settings.ts';
import { type Seeded, seeded } from '../core/seeded.ts';
import { createFaultyLog, type FaultyLog } from './faulty-log.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createMemoryLog, type MemoryLog } from './memory-log.ts';
import { createReaderRecord } from './reader-record.ts';
import { type RoamingReader, startRoamingReader } from './roaming-reader.ts';

/** How a run went. */
export type Outcome = {
  /** What was wrong first; null: nothing. */
  readonly failure: unknown;
  readonly events: number;
  readonly gaps: number;
  /** The last actions, oldest first. */
  readonly trace: readonly string[];
};

type World = {
  readonly clock: ManualClock;
  readonly random: Seeded;
  readonly log: MemoryLog;
  readonly processes: readonly FaultyLog[];
  readonly readers: readonly RoamingReader[];
  readonly accidents: Map<string, number>;
  /** When an accident, or a replica that lags, may come next: the two together cannot be told apart by anyone. */
  strangeAt: number;
  /** Trouble that is over at a time. */
  readonly ends: { at: number; readonly end: () => void }[];
};

const channels = ['feed', 'one', 'two'];
const types = ['a', 'b', 'c'];
const retention = 700;

/** Lets readers, publishers and accidents meet at random for `steps` steps, heals all, and sees whether everybody has all. */
export async function runCorePromise(seed: number, steps: number): Promise<Outcome> {
  const world = makeWorld(seed);
  const trace: string[] = [];
  const failed = () => world.readers.map((reader) => reader.failure()).find((failure) => failure !== null);
  let failure: unknown = null;
  for (let step = 0; step < steps && failure === null; step++) {
    const action = await act(world);
    trace.push(`${step} ${world.clock.elapsed()} ${action}`);
    if (trace.length > 300) trace.shift();
    failure = failed() ?? null;
  }
  failure ??= await finish(world).catch((error: unknown) => error);
  for (const reader of world.readers) reader.stop();
  const sum = (what: 'events' | 'gaps') =>
    world.readers.reduce((total, { record }) => total + record.taken[what], 0);
  return { failure: failure ?? null, events: sum('events'), gaps: sum('gaps'), trace };
}

function makeWorld(seed: number): World {
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
  return { clock, random, log, processes, readers, accidents, strangeAt: 0, ends: [] };
}

/** One thing happens, and a little time goes by. @returns what it was. */
async function act(world: World): Promise<string> {
  const { clock, random } = world;
  endTrouble(world);
  const dice = random.next();
  const [, what] = actions.find(([share]) => dice < share) ?? [1, publish];
  const action = await what(world);
  await clock.advance(random.next() < 0.03 ? random.whole(200, 4_000) : random.whole(0, 30));
  return action;
}

function endTrouble({ clock, ends }: World): void {
  for (const trouble of ends) {
    if (trouble.at > clock.elapsed()) continue;
    trouble.at = Infinity;
    trouble.end();
  }
}

const actions: readonly (readonly [number, (world: World) => string | Promise<string>])[] = [
  [0.005, publishMany],
  [0.008, publishBig],
  [0.02, cutProcess],
  [0.03, silenceProcess],
  [0.045, changeFate],
  [0.055, takeDown],
  [0.065, slowDown],
  [0.07, breakFollowing],
  [0.08, lag],
  [0.083, trim],
  [0.086, takeOut],
  [0.09, haveAccident],
  [0.092, freeze],
  [0.13, stallReader],
  [0.2, resumeReader],
  [0.23, cutReader],
  [0.25, dropReader],
  [0.5, () => 'nothing'],
  [1, publish],
];

async function publishEvents({ log, random }: World, count: number, size: number): Promise<string> {
  const channel = random.pick(channels);
  const events = Array.from({ length: count }, () => ({
    channel: random.next() < 0.8 ? channel : random.pick(channels),
    type: random.pick(types),
    data: JSON.stringify({ size, text: 'é\u2028\n'.repeat(size) }),
  }));
  await log.append({ events, key: null });
  return `publishes ${count} to ${channel}`;
}

function publish(world: World) {
  return publishEvents(world, world.random.whole(1, 4), 1);
}

function publishMany(world: World) {
  return publishEvents(world, world.random.whole(100, 500), 1);
}

function publishBig(world: World) {
  return publishEvents(world, world.random.whole(5, 40), world.random.whole(1_000, 6_000));
}

function cutProcess({ random, processes }: World): string {
  random.pick(processes).cut();
  return 'cuts subscriptions';
}

function silenceProcess({ random, processes }: World): string {
  random.pick(processes).silence();
  return 'silences subscriptions';
}

function changeFate({ random, processes }: World): string {
  const process = random.pick(processes);
  const share = random.pick([0, 0.1, 0.5]);
  const fates = [[], [0, 0], [random.whole(1, 900)], [random.whole(1, 50), random.whole(1, 3_000)]];
  process.fate = () => (random.next() < share ? random.pick(fates) : [0]);
  return `changes the fate of ${share} of the announcements`;
}

function forA(world: World, ms: number, end: () => void): void {
  world.ends.push({ at: world.clock.elapsed() + ms, end });
}

function takeDown(world: World): string {
  const process = world.random.pick(world.processes);
  process.isDown = true;
  if (world.random.next() < 0.5) process.cut();
  const ms = world.random.whole(100, world.random.pick([1_000, 6_000, 50_000]));
  forA(world, ms, () => {
    process.isDown = false;
  });
  return `takes the log down for ${ms}`;
}

function slowDown(world: World): string {
  const process = world.random.pick(world.processes);
  process.answerMs = world.random.whole(1, world.random.pick([50, 900]));
  forA(world, world.random.whole(100, 8_000), () => {
    process.answerMs = 0;
  });
  return `answers after ${process.answerMs}`;
}

function breakFollowing(world: World): string {
  const process = world.random.pick(world.processes);
  process.following = world.random.pick(['fails', 'hangs'] as const);
  forA(world, world.random.whole(100, 20_000), () => {
    process.following = 'works';
    // A log that never acknowledges gives up in the end.
    process.cut();
  });
  return `following ${process.following}`;
}

function lag(world: World): string {
  // A replica that has never seen a channel cannot be told from a log that was emptied.
  const isKnown = channels.every((channel) => world.log.kept(channel).length > 0);
  if (world.clock.elapsed() < world.strangeAt || !isKnown) return 'nothing';
  world.log.lag();
  const ms = world.random.whole(50, 3_000);
  world.strangeAt = world.clock.elapsed() + ms + 20_000;
  forA(world, ms, () => world.log.catchUp());
  return `lags for ${ms}`;
}

function trim({ log, random }: World): string {
  const channel = random.pick(channels);
  const keep = random.whole(1, 30);
  log.trim(channel, keep);
  return `trims ${channel} to ${keep}`;
}

function takeOut({ log, random }: World): string {
  const channel = random.pick(channels);
  const kept = log.kept(channel);
  if (kept.length < 3) return 'nothing';
  const seq = kept[random.whole(1, kept.length - 2)]?.id.seq ?? 0;
  log.takeOut(channel, seq);
  return `takes ${seq} out of ${channel}`;
}

async function haveAccident(world: World): Promise<string> {
  const { clock, random, log, accidents } = world;
  const channel = random.pick(channels);
  if (clock.elapsed() < world.strangeAt || log.kept(channel).length === 0) return 'nothing';
  world.strangeAt = clock.elapsed() + 20_000;
  const count = random.next() < 0.3 ? Infinity : random.whole(1, 20);
  if (count === Infinity) log.empty(channel);
  else log.loseEnd(channel, count);
  // A fail-over breaks the subscriptions, too. Where it did not, and just as many announcements as events were lost,
  // the next one would seem to go on.
  for (const process of world.processes) process.cut();
  accidents.set(channel, (accidents.get(channel) ?? 0) + 1);
  await clock.advance(5);
  return `${channel} loses its last ${count}`;
}

function freeze(world: World): string {
  world.clock.freeze(world.random.whole(3_000, 100_000));
  // Outside, time went by.
  endTrouble(world);
  return 'freezes';
}

function stallReader({ random, readers }: World): string {
  random.pick(readers).stall(true);
  return 'stalls a reader';
}

function resumeReader({ random, readers }: World): string {
  random.pick(readers).stall(false);
  return 'lets a reader go on';
}

function cutReader({ random, readers }: World): string {
  random.pick(readers).cutNext();
  return 'cuts a reader in its next chunk';
}

function dropReader({ random, readers }: World): string {
  random.pick(readers).drop();
  return 'drops a reader';
}

/** Heals everything; then what is published must reach everybody, and nothing may be missing. */
async function finish(world: World): Promise<unknown> {
  for (const { end } of world.ends) end();
  for (const process of world.processes) process.fate = () => [0];
  for (const reader of world.readers) reader.stall(false);
  // Longer than the longest silence that is not checked.
  await advanceInSteps(world, 100);
  const before = world.log.stored.length;
  const events = channels.flatMap((channel) => types.map((type) => ({ channel, type, data: '"end"' })));
  await world.log.append({ events, key: null });
  const marks = world.log.stored.slice(before);
  await advanceInSteps(world, 100);
  for (const [index, reader] of world.readers.entries()) {
    const failure = reader.failure();
    if (failure !== null) return failure;
    reader.record.isComplete();
    if (!marks.some((mark) => reader.record.has(mark))) throw new Error(`reader ${index} has stopped`);
  }
  return null;
}

async function advanceInSteps({ clock }: World, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) await clock.advance(1_000);
}
