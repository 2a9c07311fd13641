import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Measures how late the timers of this thread run: a row that is late by as much is not late by its middlebox. */
export function watchLoop() {
  const loop = monitorEventLoopDelay({ resolution: 10 });
  loop.enable();
  return {
    /** The longest delay since the last call, in ms. */
    takeMaxMs(): number {
      const max = Math.round(loop.max / 1e6);
      loop.reset();
      return max;
    },
  };
}
