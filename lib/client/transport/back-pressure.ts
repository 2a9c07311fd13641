import type { Clock } from '../../core/clock.ts';

/** What an app holds up by being busy with what it was given, whatever brought that. */
export type BackPressure = {
  /** The app is busy until these are fulfilled. They never reject. */
  add(promises: readonly Promise<void>[]): void;
  /** How long in ms the app has been busy without a pause; null: it is not. */
  busyMs(): number | null;
  /** Calls `act` when the app is not busy. Of several that wait, one may make it busy again for the others. */
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

/** Calls an app's callback. An app's callback that throws is the app's error: it is reported as such, and the feed goes on. */
export function guard<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    report(error);
    return undefined;
  }
}

/** Throws `error` where the platform sees it, and nobody else. */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
