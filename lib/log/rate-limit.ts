import { FeedError } from '../core/feed-error.ts';
import type { RateLimit } from './event-log.ts';

/*
 * The generic cell rate algorithm: of each name one number is kept, the time at which its allowance is full again.
 * Every event moves it on by `1000 / perSecond` ms; it may lie as far ahead of now as the whole burst takes.
 */

/** What a request asks of a limit. */
export type Charge = {
  /** How far it moves on the time at which the allowance is full again, in ms. */
  readonly costMs: number;
  /** How far ahead of now that time may lie, in ms. */
  readonly allowanceMs: number;
};

/** A tick of the clock, in ms; it is given away, so that rounding costs nobody an event. */
const tickMs = 1;

/** What a request of `count` events asks of a limit. */
export function chargeOf({ perSecond, burst }: RateLimit, count: number): Charge {
  return { costMs: (count * 1_000) / perSecond, allowanceMs: (burst * 1_000) / perSecond + tickMs };
}

/**
 * When the allowance is full again once a request has been charged, and how long the request would have to wait
 * until it fits: 0 where it does. `appendScript` reckons likewise.
 * @param fullAt Unix time in ms at which the allowance is full again; null where nothing is known of the name. One
 * beyond the allowance, left by a stricter limit or by a clock that was set back, counts as an allowance used up.
 * @param nowMs the log's clock, Unix time in ms.
 */
export function chargeLimit(
  fullAt: number | null,
  nowMs: number,
  { costMs, allowanceMs }: Charge,
): { readonly fullAt: number; readonly waitMs: number } {
  const from = Math.min(Math.max(fullAt ?? nowMs, nowMs), nowMs + allowanceMs);
  return { fullAt: from + costMs, waitMs: Math.max(0, from + costMs - allowanceMs - nowMs) };
}

/** The refusal of a request that is beyond a limit, and would fit after `waitMs`. */
export function rateLimited({ perSecond, burst }: RateLimit, waitMs: number): FeedError {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
  const [rate, most, seconds] = [perSecond, burst, retryAfterSeconds].map((n) => n.toLocaleString('en-US'));
  return new FeedError(
    'rate-limited',
    `this publisher may store ${rate} ${perSecond === 1 ? 'event' : 'events'} a second (${most} at once); try again in ${seconds} s`,
    { retryAfterSeconds },
  );
}
