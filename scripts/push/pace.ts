import { type Clock, wait } from '../../lib/core/clock.ts';

/** How far behind its plan a paced sequence may be and still catch up, in ms; a longer delay is not made up for. */
const slackMs = 200;

/** Lets items through at most at `perSecond`, evenly; `signal` ends the pauses early. */
export async function* pace<T>(
  items: AsyncIterable<T>,
  perSecond: number,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<T> {
  let dueMs = clock.elapsed();
  for await (const item of items) {
    const earlyMs = dueMs - clock.elapsed();
    if (earlyMs > 0) await wait(clock, earlyMs, signal);
    yield item;
    dueMs = Math.max(dueMs, clock.elapsed() - slackMs) + 1_000 / perSecond;
  }
}
