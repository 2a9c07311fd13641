import type { Clock } from '../../../lib/core/clock.ts';

/** A clock that jumps ahead: every wait ends at once, and its time has passed. */
export type LeapingClock = Clock & {
  /** All waits so far, in ms. */
  readonly waits: number[];
};

/** @param random the random number that every draw returns. */
export function createLeapingClock(random = 0.5): LeapingClock {
  let nowMs = Date.UTC(2026, 0, 1);
  const startMs = nowMs;
  const waits: number[] = [];
  return {
    waits,
    now: () => nowMs,
    elapsed: () => nowMs - startMs,
    after(ms, run) {
      waits.push(ms);
      nowMs += ms;
      let isOff = false;
      queueMicrotask(() => {
        if (!isOff) run();
      });
      return () => {
        isOff = true;
      };
    },
    random: () => random,
  };
}
