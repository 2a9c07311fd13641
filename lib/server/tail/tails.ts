import type { Clock } from '../../core/clock.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createLivenessChecks } from './liveness-check.ts';
import type { LogProgress } from './replica-wait.ts';
import { tailTimes } from './subscription.ts';
import { createTail, type LeasedTail, type Tail } from './tail.ts';

/** A tail lent to one stream or request. */
export type Lease = {
  readonly tail: LeasedTail;
  /** Gives it back; only the first call counts. */
  release(): void;
};

/** All tails of a process. */
export type Tails = {
  /** The channel's tail, started if there is none. */
  lease(channel: string): Lease;
  /** Whether the channel has a tail. */
  has(channel: string): boolean;
  /** Tails running, those without readers that linger included. */
  count(): number;
  /**
   * Ends `count` of those that linger, the longest idle first, to make room; the channels of `wanted` are spared.
   * @returns false where fewer linger; then none is ended.
   */
  endIdle(count: number, wanted: readonly string[]): boolean;
  close(): void;
};

type Held = { readonly tail: Tail; leases: number; cancelLinger: () => void };

export type TailsOptions = {
  readonly log: EventLog;
  readonly clock: Clock;
  /** Longest silence before a tail asks the log, ± 10 %. */
  readonly checkMs: number;
  readonly progress: LogProgress;
};

const tickMs = 1_000;

/** A tick this late means that the process was frozen. */
const thawedMs = 2_000;

/** Makes the tails of a process. Nothing runs while there is none. */
export function createTails({ log, clock, checkMs, progress }: TailsOptions): Tails {
  const checks = createLivenessChecks(log, clock);
  // Spread from process to process, and the same for all tails of one, so that one call goes on serving all.
  const spreadCheckMs = checkMs * (0.9 + 0.2 * clock.random());
  const held = new Map<string, Held>();
  /** Those that linger, the longest idle first. */
  const idle = new Map<string, Held>();
  let cancelTick: (() => void) | null = null;
  let tickedAt = { now: 0, elapsed: 0 };

  function startTicking(): void {
    if (cancelTick !== null) return;
    tickedAt = { now: clock.now(), elapsed: clock.elapsed() };
    cancelTick = clock.after(tickMs, tick);
  }

  function tick(): void {
    const { now, elapsed } = tickedAt;
    // A sleeping machine may stop one of the two clocks; the wall clock alone may also be set.
    const passedMs = Math.max(clock.now() - now, clock.elapsed() - elapsed);
    const tails = [...held.values()].map(({ tail }) => tail);
    if (passedMs > tickMs + thawedMs) for (const tail of tails) tail.restart();
    cancelTick = null;
    if (held.size > 0) startTicking();
  }

  function start(channel: string): Held {
    const tail = createTail({ log, channel, clock, checkMs: spreadCheckMs, checks, progress });
    const entry: Held = { tail, leases: 0, cancelLinger() {} };
    held.set(channel, entry);
    startTicking();
    return entry;
  }

  function end(channel: string, entry: Held): void {
    if (entry.leases > 0 || held.get(channel) !== entry) return;
    held.delete(channel);
    idle.delete(channel);
    entry.cancelLinger();
    entry.tail.close();
    if (held.size > 0) return;
    cancelTick?.();
    cancelTick = null;
  }

  return {
    lease(channel) {
      const entry = held.get(channel) ?? start(channel);
      entry.cancelLinger();
      idle.delete(channel);
      entry.leases += 1;
      let isHeld = true;
      return {
        tail: entry.tail,
        release() {
          if (!isHeld) return;
          isHeld = false;
          entry.leases -= 1;
          if (entry.leases > 0) return;
          idle.set(channel, entry);
          entry.cancelLinger = clock.after(tailTimes.lingerMs, () => end(channel, entry));
        },
      };
    },
    has: (channel) => held.has(channel),
    count: () => held.size,
    endIdle(count, wanted) {
      const ended = [...idle].filter(([channel]) => !wanted.includes(channel)).slice(0, count);
      if (ended.length < count) return false;
      for (const [channel, entry] of ended) end(channel, entry);
      return true;
    },
    close() {
      cancelTick?.();
      cancelTick = null;
      for (const { tail, cancelLinger } of held.values()) {
        cancelLinger();
        tail.close();
      }
      held.clear();
      idle.clear();
    },
  };
}
