import type { Clock } from '../../../lib/core/clock.ts';

/** A clock whose every wait is over at once, as if its time had passed. */
export type LeapingClock = Clock & {
  /** Every wait that was asked for, in ms. */
  readonly waits: number[];
};

/** @param random the number every draw gives. */
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
