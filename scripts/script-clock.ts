import type { Clock } from '../lib/core/clock.ts';

/** The real time for scripts: a timer keeps the process alive, so that a pause between two tries is not its end. */
export const scriptClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
