import type { Settings } from '../../lib/config/settings.ts';
import type { Clock } from '../../lib/core/clock.ts';
import { createRest } from '../../lib/server/rest.ts';

/** Readers of one process on the platform, and what happens in their channel. */
export type RestCase = {
  readonly readers: number;
  /** When events come, in ms from the start, in order. */
  readonly eventsAt: readonly number[];
  readonly durationMs: number;
  /** The time in which the readers come, one by one (default: a minute). */
  readonly arrivalMs?: number;
  readonly settings: Pick<Settings, 'quietMs' | 'restMaxMs' | 'restBusyMs'>;
};

/** What the readers used. */
export type RestUse = {
  /** How long the process had an open stream. */
  readonly awakeMs: number;
  /** The time of all streams together. */
  readonly streamMs: number;
  readonly streams: number;
  readonly polls: number;
  /** Those at the pace of a busy time, which no cache answers. */
  readonly busyPolls: number;
  /** How late polls have shown events, for each event and reader, in ms; 0 for each that a stream brought. */
  readonly lateMs: readonly number[];
};

/** The life of a stream in ms: the platform's limit of 300 s, its margin, and half the jitter. */
export const streamLifeMs = 275_000;

/** A clock that runs through all timers without waiting. It begins a quarter of an hour after a full hour. */
function createFastClock(): Clock & { runUntil(ms: number): void } {
  let elapsed = 0;
  const timers: { at: number; run: () => void }[] = [];
  return {
    now: () => elapsed + 900_000,
    elapsed: () => elapsed,
    random: () => 0.5,
    after(ms, run) {
      const timer = { at: elapsed + Math.max(0, ms), run };
      const later = timers.findIndex(({ at }) => at > timer.at);
      timers.splice(later < 0 ? timers.length : later, 0, timer);
      return () => {
        const index = timers.indexOf(timer);
        if (index >= 0) timers.splice(index, 1);
      };
    },
    runUntil(ms) {
      for (let [next] = timers; next !== undefined && next.at <= ms; [next] = timers) {
        timers.shift();
        elapsed = Math.max(elapsed, next.at);
        next.run();
      }
      elapsed = Math.max(elapsed, ms);
    },
  };
}

/**
 * Lets readers stream and rest as the server's own rule says, and counts. The way of a request takes no time, no cache answers
 * a poll, and the readers stay until the end.
 */
export function simulateRest({
  readers,
  eventsAt,
  durationMs,
  arrivalMs = 60_000,
  settings,
}: RestCase): RestUse {
  const clock = createFastClock();
  const [awake, all] = [createStopwatch(clock), createStopwatch(clock)];
  const count = { streams: 0, polls: 0, busyPolls: 0 };
  const lateMs: number[] = [];
  /** Closes the streams that are open. */
  const closers = new Set<() => void>();
  let published = 0;
  let open = 0;
  const rest = createRest(settings, clock, () => open);

  function show(): void {
    awake.change(Math.min(1, open));
    all.change(open);
  }

  function startReader(): void {
    let seen = published;
    let activeAt = clock.elapsed();
    function stream(): void {
      let cancel = () => {};
      const leave = rest.join({
        quietMs: Math.floor((clock.elapsed() - activeAt) / 1_000) * 1_000,
        isSure: () => true,
        rest(everyMs) {
          close();
          poll(everyMs);
        },
      });
      function close(): void {
        cancel();
        leave();
        closers.delete(close);
        for (; seen < published; seen++) lateMs.push(0);
        activeAt = Math.max(activeAt, eventsAt[published - 1] ?? 0);
        open -= 1;
        show();
      }
      closers.add(close);
      open += 1;
      show();
      count.streams += 1;
      cancel = clock.after(streamLifeMs, () => {
        close();
        stream();
      });
    }
    function poll(afterMs: number): void {
      clock.after(afterMs, () => {
        count.polls += 1;
        if (afterMs <= (settings.restBusyMs ?? 0)) count.busyPolls += 1;
        const now = clock.elapsed();
        lateMs.push(...eventsAt.slice(seen, published).map((at) => now - at));
        const everyMs = rest.polled(afterMs, published - seen);
        seen = published;
        if (everyMs !== null) return poll(everyMs);
        activeAt = now;
        stream();
      });
    }
    stream();
  }

  for (let index = 0; index < readers; index++) clock.after((index * arrivalMs) / readers, startReader);
  for (const at of eventsAt) {
    clock.runUntil(at);
    published += 1;
    if (open > 0) rest.happened();
  }
  clock.runUntil(durationMs);
  for (const close of closers) close();
  return { awakeMs: awake.totalMs(), streamMs: all.totalMs(), ...count, lateMs };
}

/** Adds up the time in which something was open, as often as it was open. */
function createStopwatch(clock: Clock) {
  let [totalMs, open, since] = [0, 0, 0];
  function change(next: number): void {
    totalMs += (clock.elapsed() - since) * open;
    since = clock.elapsed();
    open = next;
  }
  return { change, totalMs: () => totalMs };
}
