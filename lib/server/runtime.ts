import { isDeepStrictEqual } from 'node:util';
import { channels } from '../config/channels.ts';
import { readSettings, type Settings } from '../config/settings.ts';
import { type Clock, serverClock } from '../core/clock.ts';
import { FeedError } from '../core/feed-error.ts';
import { createChannelRules } from '../log/channel-rules.ts';
import type { ChannelRules, EventLog } from '../log/event-log.ts';
import { createRedisLog } from '../log/redis/redis-log.ts';
import { createSqliteLog } from '../log/sqlite/sqlite-log.ts';
import { type Admission, createAdmission } from './admission.ts';
import { createTailLines, printLine } from './log-line.ts';
import { countCalls, Metrics } from './metrics.ts';
import { createRest, type Rest } from './rest.ts';
import { createStateReads, type StateReads } from './stream/channel-state.ts';
import type { EventStream } from './stream/event-stream.ts';
import { createReplicaWait, type ReplicaWait } from './tail/replica-wait.ts';
import type { TailObserver } from './tail/tail.ts';
import { createTails, type Tails } from './tail/tails.ts';
import { findTracer } from './tracer.ts';

// Where a client component imports this file, the build stops here, and says that the file is for the server. Only Next knows
// this package; no other program gets to this line.
if (typeof window !== 'undefined') import('server-only').catch(() => undefined);

/** What all requests of a process share. */
export type Runtime = {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: EventLog;
  /** Waits until the log has caught up with readers whose position is ahead of it. */
  readonly replicaWait: ReplicaWait;
  readonly tails: Tails;
  /** The rules of each channel. */
  readonly rules: (channel: string) => ChannelRules;
  /** Reads the state of channels. */
  readonly states: StateReads;
  /** The open streams. */
  readonly streams: Set<EventStream>;
  /** The slots for streams and long polls. */
  readonly admission: Admission;
  /** Decides when the readers of a quiet process rest. */
  readonly rest: Rest;
  /** What the process has done, as numbers. */
  readonly metrics: Metrics;
  /** Aborts when the process starts to stop. */
  readonly stopping: AbortController;
};

const key = Symbol.for('steadfeed');

type Holder = { [key]?: Runtime };

/**
 * The runtime of this process, created at the first call. Next loads page and routes as separate instances of this module,
 * so the runtime lives on `globalThis`. It survives hot reload.
 * @throws FeedError `misconfigured`, which names the variable to set.
 */
export function getRuntime(): Runtime {
  const holder = globalThis as Holder;
  // `next dev` loads a changed `.env.local` into the running process.
  const isDevelopment = process.env.NODE_ENV === 'development';
  if (isDevelopment) dropOutdated(holder);
  const found = holder[key];
  if (found !== undefined) return found;
  const runtime = createRuntime(readSettings(process.env), serverClock);
  holder[key] = runtime;
  if (isDevelopment) watchSettings(holder, runtime);
  return runtime;
}

/** The runtime of this process; null: it has not been created yet. */
export function findRuntime(): Runtime | null {
  return (globalThis as Holder)[key] ?? null;
}

/** How long a stream may go on after a handover because its runtime stops, in ms. Vercel gives a process 500 ms. */
export const stopMs = { own: 1_500, platform: 200 } as const;

/** Hands over all streams of a runtime, and lets it take no more. */
export function stopRuntime({ settings, stopping, streams }: Runtime): void {
  stopping.abort();
  const closesInMs = settings.isVercel ? stopMs.platform : stopMs.own;
  for (const stream of streams) stream.handOver('stopping', closesInMs);
}

/** How often `next dev` compares the settings of its runtime with the environment, in ms. */
const settingsCheckMs = 1_000;

/**
 * Compares the settings while nobody sends a request. Without this, a reader with an open stream would go on in a channel
 * that has become private.
 */
function watchSettings(holder: Holder, runtime: Runtime): void {
  serverClock.after(settingsCheckMs, () => {
    if (holder[key] !== runtime) return;
    try {
      dropOutdated(holder);
    } catch (error) {
      // Each request reports the invalid setting. The runtime goes on until it is valid again.
      if (!(error instanceof FeedError)) throw error;
    }
    watchSettings(holder, runtime);
  });
}

/** Stops a runtime whose settings have changed: its readers come back to a new one. */
function dropOutdated(holder: Holder): void {
  const runtime = holder[key];
  if (runtime === undefined || isDeepStrictEqual(runtime.settings, readSettings(process.env))) return;
  delete holder[key];
  stopRuntime(runtime);
  printLine(
    'warn',
    'settings-changed',
    'steadfeed: The settings have changed. The feed uses the new ones from now on.',
  );
}

/** Creates a runtime; for tests, and for `getRuntime`. */
export function createRuntime(
  settings: Settings,
  clock: Clock,
  store: EventLog = openLog(settings),
): Runtime {
  const metrics = new Metrics(clock);
  const log = countCalls(store, metrics, clock);
  const replicaWait = createReplicaWait(log, clock);
  const lines = createTailLines(settings, clock);
  const observer: TailObserver = {
    onEvents: () => rest.happened(),
    onRepair(channel, events) {
      lines.onRepair(channel, events);
      metrics.repairs.add();
      metrics.repairedEvents.add(events);
    },
    onResubscribe(channel, reason) {
      lines.onResubscribe(channel, reason);
      metrics.resubscriptions.add(reason);
    },
    onDelivered: (channel, end, readers) => findTracer()?.delivered(channel, end, readers),
  };
  const tails = createTails({ log, clock, checkMs: settings.tailCheckMs, replicaWait, observer });
  const admission = createAdmission(settings, tails);
  const rest = createRest(settings, clock, admission.held);
  return {
    settings,
    clock,
    log,
    replicaWait,
    tails,
    rules: readChannelRules(settings),
    states: createStateReads(log, clock),
    streams: new Set(),
    admission,
    rest,
    metrics,
    stopping: new AbortController(),
  };
}

/** The rules of each channel. @throws FeedError `misconfigured`, naming the wrong line of `lib/config/channels.ts`. */
export function readChannelRules({ retention }: Settings): (channel: string) => ChannelRules {
  return createChannelRules(channels, retention);
}

/** Opens the log that the settings name. @throws FeedError `misconfigured` */
export function openLog(settings: Settings): EventLog {
  const { redis, isVercel, feedDb, channelMaxIdleMs } = settings;
  const rules = readChannelRules(settings);
  if (redis !== null) return createRedisLog({ ...redis, rules, maxIdleMs: channelMaxIdleMs });
  if (!isVercel) return createSqliteLog({ file: feedDb, rules });
  throw new FeedError(
    'misconfigured',
    'No log is configured. Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN (or KV_REST_API_URL and KV_REST_API_TOKEN), or REDIS_URL. On Vercel an embedded log would differ from instance to instance.',
  );
}
