import { FeedError } from '../../core/feed-error.ts';

/** Times of a tail, in ms. */
export const tailTimes = {
  /** How long the first read waits for the acknowledgement of the subscription. */
  acknowledgeMs: 700,
  /** The log is asked once more this long after it was verified, because a replica may lag; an announcement may be this late. */
  rereadMs: 1_000,
  /** How long the check of a new subscription waits for other subscriptions that broke with it. */
  gatherMs: 500,
  /** Pause between reads while the subscription is broken. */
  bridgeMs: 1_000,
  /** Longest first pause before a failed read or subscription is tried again; it doubles up to `maxRetryMs`. */
  retryMs: 500,
  maxRetryMs: 5_000,
  /** After this long without the log, readers are woken so that they can give up. */
  giveUpMs: 30_000,
  /** Pause before the log is read again after an answer that may be stale. */
  staleMs: 250,
  /** How long a channel is quiet before the log is asked for missed events, at least. */
  firstCheckMs: 5_000,
  /** How long a tail is kept after its last reader. */
  lingerMs: 20_000,
  /**
   * How long it is kept if its channel has ended: until the readers of a stream that closed have come back, and got their 204
   * from memory. Nothing follows, and each job may have a channel of its own: a long time would hold many subscriptions.
   */
  endedLingerMs: 5_000,
} as const;

/**
 * How long to wait before a failed read or subscription is tried again, in ms: full jitter, at least a tenth of the longest
 * pause, after the time that the log has named.
 * @param failures in a row so far; @param random 0 ≤ x < 1; @param cause what the last try failed with.
 */
export function retryPauseMs(failures: number, random: number, cause: unknown): number {
  const ceiling = Math.min(tailTimes.maxRetryMs, tailTimes.retryMs * 2 ** Math.min(failures, 20));
  return namedPauseMs(cause) + ceiling * (0.1 + 0.9 * random);
}

/** The time before which it is not worth to ask the log again, if its error names one; else 0. */
export function namedPauseMs(cause: unknown): number {
  return cause instanceof FeedError ? (cause.retryAfterSeconds ?? 0) * 1_000 : 0;
}
