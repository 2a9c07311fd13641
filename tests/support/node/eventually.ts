import { setTimeout as sleep } from 'node:timers/promises';

const everyMs = 20;

/** How much longer than that one question may take. */
const answerMs = 10_000;

/**
 * Waits until `find` gives something other than false, null or undefined, and gives it back.
 * @param what is expected, for the error.
 * @throws Error when that takes longer than `withinMs`.
 */
export async function eventually<T>(
  what: string,
  withinMs: number,
  find: () => T | Promise<T>,
): Promise<Exclude<T, false | null | undefined>> {
  const until = performance.now() + withinMs;
  for (;;) {
    const leftMs = Math.max(0, until - performance.now());
    const found = await within(`${what}: to be asked`, leftMs + answerMs, Promise.resolve(find()));
    if (found !== false && found !== null && found !== undefined) {
      return found as Exclude<T, false | null | undefined>;
    }
    if (performance.now() > until) throw new Error(`within ${withinMs} ms it did not come true that ${what}`);
    await sleep(everyMs);
  }
}

/** @throws Error when `promise` takes longer than `withinMs`. */
export async function within<T>(what: string, withinMs: number, promise: Promise<T>): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`within ${withinMs} ms it did not happen: ${what}`)),
    withinMs,
  );
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
