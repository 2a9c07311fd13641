import type { Clock } from '../../core/clock.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createLivenessChecks } from './liveness-check.ts';
import type { ReplicaWait } from './replica-wait.ts';
import { createTail, type LeasedTail, type Tail, type TailObserver } from './tail.ts';
import { tailTimes } from './tail-times.ts';

/** A tail that one stream or request uses. */
export type Lease = {
  readonly tail: LeasedTail;
  /** Gives the tail back; only the first call counts. */
  release(): void;
};

/** All tails of a process: one for each channel that has readers, or had some until lately. */
export type Tails = {
  /** The channel's tail; it starts if there is none. */
  lease(channel: string): Lease;
  /** Whether the channel has a tail. */
  has(channel: string): boolean;
  /** The number of tails, including those that linger without readers. */
  count(): number;
  /** All of them, each with the number of its leases. */
  list(): readonly { readonly tail: LeasedTail; readonly leases: number }[];
  /**
   * Ends `count` tails that linger, the longest idle first, but none of the `wanted` channels.
   * @returns false if fewer tails linger; then none ends.
   */
  endIdle(count: number, wanted: readonly string[]): boolean;
  close(): void;
};

type Held = { readonly tail: Tail; leases: number; cancelLinger: () => void };

export type TailsOptions = {
  readonly log: EventLog;
  readonly clock: Clock;
  /** How long a channel may be quiet before the log is asked for missed events, in ms; each process takes 90 to 110 % of it. */
  readonly checkMs: number;
  readonly replicaWait: ReplicaWait;
  readonly observer?: TailObserver;
};

const tickMs = 1_000;

/**
 * How many tails of a process that was frozen subscribe again at once, and the pause before the next ones, in ms. Thousands at
 * once would keep the process busy for so long that their acknowledgements come late: then each tail reads the log by itself,
 * and a busy machine takes that work for the next freeze.
 */
const restartsAtOnce = 100;
const restartPauseMs = 20;

const doNothing = () => {};

/** A tick this late means that the process was frozen. */
const frozenMs = 2_000;

/** Makes the tails of a process. Nothing runs while there is none. */
export function createTails({ log, clock, checkMs, replicaWait, observer }: TailsOptions): Tails {
  const checks = createLivenessChecks(log, clock);
  // Processes differ, so that they do not all ask at once; the tails of one process do not, so that one call serves all.
  const spreadCheckMs = checkMs * (0.9 + 0.2 * clock.random());
  const held = new Map<string, Held>();
  /** The tails that linger, the longest idle first. */
  const idle = new Map<string, Held>();
  let cancelTick: (() => void) | null = null;
  let cancelRestart = doNothing;
  let tickedAt = { now: 0, elapsed: 0 };

  function startTicking(): void {
    if (cancelTick !== null) return;
    tickedAt = { now: clock.now(), elapsed: clock.elapsed() };
    cancelTick = clock.after(tickMs, tick);
  }

  function tick(): void {
    const { now, elapsed } = tickedAt;
    // A sleeping machine may stop either of the two clocks. The wall clock can also be set, which at worst costs a check.
    const passedMs = Math.max(clock.now() - now, clock.elapsed() - elapsed);
    if (passedMs > tickMs + frozenMs) restart([...held.values()]);
    cancelTick = null;
    if (held.size > 0) startTicking();
  }

  /** Some now, the others a moment later. The last ones that a freeze before this one has left are among them. */
  function restart(frozen: readonly Held[]): void {
    cancelRestart();
    for (const { tail } of frozen.slice(0, restartsAtOnce)) {
      if (held.get(tail.channel)?.tail === tail) tail.restart();
    }
    const left = frozen.slice(restartsAtOnce);
    cancelRestart = left.length === 0 ? doNothing : clock.after(restartPauseMs, () => restart(left));
  }

  function stop(): void {
    cancelTick?.();
    cancelTick = null;
    cancelRestart();
  }

  function start(channel: string): Held {
    const tail = createTail({
      ...{ log, channel, clock, checkMs: spreadCheckMs, checks, replicaWait },
      ...(observer && { observer }),
    });
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
    if (held.size === 0) stop();
  }

  return {
    lease(channel) {
      const entry = held.get(channel) ?? start(channel);
      entry.cancelLinger();
      idle.delete(channel);
      entry.leases += 1;
      let isLeased = true;
      return {
        tail: entry.tail,
        release() {
          if (!isLeased) return;
          isLeased = false;
          entry.leases -= 1;
          if (entry.leases > 0) return;
          idle.set(channel, entry);
          const lingerMs = entry.tail.hasEnded() ? tailTimes.endedLingerMs : tailTimes.lingerMs;
          entry.cancelLinger = clock.after(lingerMs, () => end(channel, entry));
        },
      };
    },
    has: (channel) => held.has(channel),
    count: () => held.size,
    list: () => [...held.values()],
    endIdle(count, wanted) {
      const ended = [...idle].filter(([channel]) => !wanted.includes(channel)).slice(0, count);
      if (ended.length < count) return false;
      for (const [channel, entry] of ended) end(channel, entry);
      return true;
    },
    close() {
      stop();
      for (const { tail, cancelLinger } of held.values()) {
        cancelLinger();
        tail.close();
      }
      held.clear();
      idle.clear();
    },
  };
}
