/** Time and randomness, passed in so that tests can move them by hand. */
export type Clock = {
  /** Unix time in ms. */
  now(): number;
  /** Time in ms that never goes back; only differences mean something. */
  elapsed(): number;
  /** Calls `run` once after `ms`; the function given back calls it off. */
  after(ms: number, run: () => void): () => void;
  /** A random number, 0 ≤ x < 1. */
  random(): number;
};

/** Waits `ms` on `clock`; ends early, without an error, when `signal` aborts. */
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
