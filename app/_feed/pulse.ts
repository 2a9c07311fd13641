import type { FeedEvent } from '../../lib/core/event.ts';

/** Seconds a chart shows. */
export const pulseSeconds = 60;

/** How long an event counts as one that has just come, in ms. */
const freshMs = 2_000;

/** One second of a feed. */
export type PulseSecond = {
  /** Events that came. */
  readonly count: number;
  /** The longest time from the log's taking an event to its arrival here, in ms; null where none came. */
  readonly slowestMs: number | null;
};

/** What arrives while the page is open: how much, how fast. */
export type Pulse = {
  /** Takes an event that has just come. @param lagMs how long it was on its way. */
  note(event: FeedEvent, lagMs: number): void;
  isFresh(event: FeedEvent): boolean;
  /** Events that have come so far. */
  total(): number;
  /** The last 60 whole seconds, oldest first. */
  seconds(): readonly PulseSecond[];
};

const silence: PulseSecond = { count: 0, slowestMs: null };

/** @param elapsed ms of a clock that never goes back. */
export function createPulse(elapsed: () => number): Pulse {
  const arrivedAt = new WeakMap<FeedEvent, number>();
  const bySecond = new Map<number, PulseSecond>();
  let total = 0;
  const second = () => Math.floor(elapsed() / 1_000);
  return {
    note(event, lagMs) {
      total += 1;
      arrivedAt.set(event, elapsed());
      const key = second();
      const { count, slowestMs } = bySecond.get(key) ?? silence;
      bySecond.set(key, { count: count + 1, slowestMs: Math.max(slowestMs ?? 0, lagMs, 0) });
      for (const old of bySecond.keys()) if (old < key - pulseSeconds) bySecond.delete(old);
    },
    isFresh: (event) => elapsed() - (arrivedAt.get(event) ?? Number.NEGATIVE_INFINITY) < freshMs,
    total: () => total,
    seconds() {
      const from = second() - pulseSeconds;
      return Array.from({ length: pulseSeconds }, (_, index) => bySecond.get(from + index) ?? silence);
    },
  };
}
