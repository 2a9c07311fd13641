import { setTimeout as sleep } from 'node:timers/promises';

const everyMs = 20;

/** The extra time for the last call of `find`. */
const answerMs = 30_000;

/**
 * Waits until `find` returns something other than false, null or undefined.
 * @param what the expected state, for the error.
 * @returns the value that `find` returned.
 * @throws Error if that takes longer than `withinMs`.
 */
export async function eventually<T>(
  what: string,
  withinMs: number,
  find: () => T | Promise<T>,
): Promise<Exclude<T, false | null | undefined>> {
  const until = performance.now() + withinMs;
  for (;;) {
    const leftMs = Math.max(0, until - performance.now());
    const found = await within(`a check of: ${what}`, leftMs + answerMs, Promise.resolve(find()));
    if (found !== false && found !== null && found !== undefined) {
      return found as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > until) throw new Error(`this was not true within ${withinMs} ms: ${what}`);
    await sleep(everyMs);
  }
}

/** Awaits `promise`. @throws Error if it takes longer than `withinMs`. */
export async function within<T>(what: string, withinMs: number, promise: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`this did not happen within ${withinMs} ms: ${what}`)),
    withinMs,
  );
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
