import type { Clock } from '../core/clock.ts';

/** Times of a tail, in ms. */
export const tailTimes = {
  /** How long the first read waits for the subscription to be acknowledged. */
  acknowledgeMs: 700,
  /** After the acknowledgement the log is asked once more: a replica may lag. */
  rereadMs: 1_000,
  /** Longest wait of one tail's check for those of others, whose subscriptions broke together with its own. */
  gatherMs: 500,
  /** While the subscription is broken, the log is read this often. */
  bridgeMs: 1_000,
  /** First pause before a failed read or subscription is tried again; it doubles up to `maxRetryMs`. */
  retryMs: 500,
  maxRetryMs: 5_000,
  /** Pause between reads of an answer that may be stale. */
  staleMs: 250,
  /** Silence after which a tail is checked at the earliest. */
  firstCheckMs: 5_000,
  /** A tail without readers is kept this long. */
  lingerMs: 20_000,
} as const;

/** Full jitter: a random part of `baseMs` doubled `failures` times, at least a tenth of it. */
export function retryPauseMs(clock: Clock, failures: number, baseMs: number, maxMs: number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(failures, 20));
  return ceiling * (0.1 + 0.9 * clock.random());
}
