import { FeedError } from '../core/feed-error.ts';
import type { RateLimit } from './event-log.ts';

/*
 * The generic cell rate algorithm (GCRA). The log keeps one number for each name: the time at which its allowance is full
 * again. Each event moves that time `1000 / perSecond` ms later; it can be later than now by as much as a whole burst takes.
 */

/** A request in the units of a limit. */
type Charge = {
  /** How much later the request makes the time at which the allowance is full again, in ms. */
  readonly costMs: number;
  /** How much later than now that time may be, in ms. */
  readonly allowanceMs: number;
};

/** The precision of the clock, in ms. It is added to the allowance, so that rounding costs nobody an event. */
const tickMs = 1;

/** Converts a request of `count` events into the units of a limit. */
export function chargeOf({ perSecond, burst }: RateLimit, count: number): Charge {
  return { costMs: (count * 1_000) / perSecond, allowanceMs: (burst * 1_000) / perSecond + tickMs };
}

/**
 * Charges a request to a limit. `appendScript` does the same in Redis.
 * @param fullAt the stored time, Unix time in ms, at which the allowance is full again; null when the name is unknown.
 * A time beyond the allowance, from a stricter limit or a clock that was set back, counts as an allowance that is used up.
 * @param nowMs the log's clock, Unix time in ms.
 * @returns the new time to store, and how long the request must wait until it fits: 0 if it fits now.
 */
export function chargeLimit(
  fullAt: number | null,
  nowMs: number,
  { costMs, allowanceMs }: Charge,
): { readonly fullAt: number; readonly waitMs: number } {
  const from = Math.min(Math.max(fullAt ?? nowMs, nowMs), nowMs + allowanceMs);
  return { fullAt: from + costMs, waitMs: Math.max(0, from + costMs - allowanceMs - nowMs) };
}

/** The error for a request beyond a limit that will fit after `waitMs`. */
export function rateLimited({ perSecond, burst }: RateLimit, waitMs: number): FeedError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
  const [rate, most, seconds] = [perSecond, burst, retryAfterSeconds].map((n) => n.toLocaleString('en-US'));
  return new FeedError(
    'rate-limited',
    `This publisher may store ${rate} ${perSecond === 1 ? 'event' : 'events'} per second, at most ${most} at once. Try again in ${seconds} s.`,
    { retryAfterSeconds },
  );
}
