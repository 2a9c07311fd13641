import type { Clock } from '../../core/clock.ts';

/** Back-pressure: while the app is busy with events, reading waits. It does not matter which source brought them. */
export type BackPressure = {
  /** The app is busy until these promises are fulfilled. They must not reject. */
  add(promises: readonly Promise<void>[]): void;
  /** How long in ms the app has been busy without a pause; null if it is not busy. */
  busyMs(): number | null;
  /** Calls `act` when the app is not busy. If several wait, one of them may make the app busy again before the others. */
  whenFree(act: () => void): Promise<void>;
};

export function createBackPressure(clock: Clock): BackPressure {
  let pending: Promise<void> | null = null;
  let since = 0;
  return {
    add(promises) {
      if (promises.length === 0) return;
      if (pending === null) since = clock.elapsed();
      const all: Promise<void> = Promise.all([pending, ...promises]).then(() => {
        if (pending === all) pending = null;
      });
      pending = all;
    },
    busyMs: () => (pending === null ? null : clock.elapsed() - since),
    async whenFree(act) {
      while (pending !== null) await pending;
      act();
    },
  };
}

/** Calls a callback of the app. If it throws, the platform reports that error, and the feed goes on. */
export function guard<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    report(error);
    return undefined;
  }
}

/** Throws `error` where only the platform sees it: as an uncaught error. */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
