import { type ProcessStatus, statusChannel, statusType } from '../../core/process-status.ts';
import { createSqliteLog } from '../../log/sqlite/sqlite-log.ts';
import { outsideRequest } from '../node/outside-request.ts';
import { createRuntime, type Runtime, stopRuntime } from '../runtime.ts';
import { createStatusMeter } from './meter.ts';
import { createSignInTries, type SignInTries } from './session.ts';

/** How often the process measures itself while somebody watches, in ms. */
export const measureEveryMs = 2_000;

/** How long after a poll its reader counts as watching, in ms: longer than the pause between two polls. */
export const watchedForMs = 10_000;

/** Snapshots that are kept: enough for a reader that comes back after a short cut. */
const retention = 30;

/** Streams and polls that may watch one process. The readers of the feed do not count, so that a full process can be watched. */
const maxWatchers = 20;

/**
 * The feed of one process about itself. It has a log of its own, in memory: it works while the real log fails, and costs the
 * real log no command. Nothing runs while nobody watches.
 */
export type StatusFeed = {
  /** Serves the snapshots: its channel is `status`. */
  readonly runtime: Runtime;
  readonly tries: SignInTries;
  /** Tells the feed that somebody watches. When it returns, the feed has a snapshot of now. */
  watch(): Promise<void>;
};

const key = Symbol.for('steadfeed.status');

type Holder = { [key]?: WeakMap<Runtime, StatusFeed> };

/** The status feed of a runtime, created at the first call. Next loads page and routes as separate instances of this module. */
export function statusFeedOf(runtime: Runtime): StatusFeed {
  const holder = globalThis as Holder;
  holder[key] ??= new WeakMap();
  const found = holder[key].get(runtime);
  if (found !== undefined) return found;
  const feed = createStatusFeed(runtime);
  holder[key].set(runtime, feed);
  return feed;
}

function createStatusFeed(watched: Runtime): StatusFeed {
  const { clock, stopping } = watched;
  const log = createSqliteLog({
    file: ':memory:',
    retention,
    clock,
    random: clock.random,
    stepClock: clock,
  });
  const own = createRuntime(
    {
      ...watched.settings,
      retention,
      readTokenSecret: null,
      allowedOrigins: [],
      streamMaxConnections: maxWatchers,
      streamMaxPerAddress: null,
      pollMode: 'short',
      // It has a snapshot every two seconds: it is never quiet.
      quietMs: null,
    },
    clock,
    log,
  );
  stopping.signal.addEventListener('abort', () => stopRuntime(own), { once: true });
  const meter = createStatusMeter(watched);
  let watchedUntil = 0;
  let measuredAt = Number.NEGATIVE_INFINITY;
  let measuring: Promise<void> | null = null;
  let isRunning = false;

  /** Stores a snapshot. Calls at the same time share one. */
  function measure(): Promise<void> {
    measuring ??= meter
      .measure()
      .then(store)
      .finally(() => {
        measuring = null;
      });
    return measuring;
  }

  async function store(status: ProcessStatus): Promise<void> {
    measuredAt = clock.elapsed();
    const event = { channel: statusChannel, type: statusType, data: JSON.stringify(status) };
    await log.append({ events: [event], key: null });
  }

  function isWatched(): boolean {
    return own.streams.size > 0 || clock.elapsed() < watchedUntil;
  }

  function runSoon(): void {
    isRunning = true;
    clock.after(measureEveryMs, () => {
      isRunning = false;
      if (!isWatched()) return;
      // A watcher that came between two turns has brought a snapshot of its own.
      if (clock.elapsed() - measuredAt >= measureEveryMs / 2) void measure().catch(() => undefined);
      runSoon();
    });
  }

  return {
    runtime: own,
    tries: createSignInTries(clock),
    async watch() {
      watchedUntil = clock.elapsed() + watchedForMs;
      // The loop outlives the request that starts it.
      if (!isRunning) outsideRequest(runSoon);
      if (clock.elapsed() - measuredAt >= measureEveryMs / 2) await measure();
    },
  };
}
