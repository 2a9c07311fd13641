/** Time and randomness, passed in so that tests can move them by hand. */
export type Clock = {
  /** Unix time in ms. */
  now(): number;
  /** Time in ms that never goes back; only differences mean something. */
  elapsed(): number;
  /** Calls `run` once after `ms`; the returned function cancels that. */
  after(ms: number, run: () => void): () => void;
  /** A random number, 0 ≤ x < 1. */
  random(): number;
};

const now = () => Date.now();
const elapsed = () => performance.now();
const random = () => Math.random();

/** The real time. In Node, a timer that is waiting keeps the process alive. */
export const systemClock: Clock = {
  now,
  elapsed,
  after(ms, run) {
    const timer = setTimeout(run, Math.max(0, ms));
    return () => clearTimeout(timer);
  },
  random,
};

/** The real time for a server: a timer that is waiting does not keep the process alive, so that the process can exit. */
export const serverClock: Clock = {
  now,
  elapsed,
  after(ms, run) {
    const timer: { unref?(): unknown } & ReturnType<typeof setTimeout> = setTimeout(run, Math.max(0, ms));
    // Only Node's timers have it; in a browser a timer is a number.
    timer.unref?.();
    return () => clearTimeout(timer);
  },
  random,
};

/** Waits `ms` on `clock`. Resolves early, without an error, when `signal` aborts. */
export function wait(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener('abort', done);
  });
}
