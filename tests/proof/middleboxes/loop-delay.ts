import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Measures how late the timers of this thread run: a row that is late by as much is not late by its middlebox. */
export function watchLoop(): { maxMs(): number } {
  const loop = monitorEventLoopDelay({ resolution: 10 });
  loop.enable();
  return { maxMs: () => Math.round(loop.max / 1e6) };
}
