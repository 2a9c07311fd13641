import type { Clock } from '../../core/clock.ts';
import type { EventLog, FollowSignal } from '../../log/event-log.ts';

/** A subscription that is renewed whenever it breaks. */
export type Subscription = {
  /** Whether the log has acknowledged it and it has not broken since. */
  isConnected(): boolean;
  /** Subscribes anew at once; for a subscription that looks alive and reports nothing. */
  renew(): void;
  close(): void;
};

/** Follows `channel` until closed, with backoff and jitter between attempts. It drops signals of an attempt that it gave up. */
export function keepFollowing(
  log: EventLog,
  channel: string,
  clock: Clock,
  onSignal: (signal: FollowSignal) => void,
): Subscription {
  let attempt = new AbortController();
  let connectedAt: number | null = null;
  let failures = 0;
  let cancelRetry = () => {};

  function open(): void {
    const mine = new AbortController();
    attempt = mine;
    connectedAt = null;
    const hear = (signal: FollowSignal) => {
      if (mine.signal.aborted) return;
      if (signal.kind === 'connected') connectedAt = clock.elapsed();
      if (signal.kind === 'lost') retryLater(mine);
      onSignal(signal);
    };
    log.follow(channel, hear, mine.signal);
  }

  function retryLater(mine: AbortController): void {
    mine.abort();
    // Only a subscription that lived for a while ends the backoff: the log may acknowledge each one and drop it.
    const hasLived = connectedAt !== null && clock.elapsed() - connectedAt > tailTimes.maxRetryMs;
    failures = hasLived ? 0 : failures + 1;
    connectedAt = null;
    cancelRetry = clock.after(retryPauseMs(failures, clock.random()), open);
  }

  function close(): void {
    cancelRetry();
    attempt.abort();
    connectedAt = null;
  }

  open();
  return {
    isConnected: () => connectedAt !== null,
    renew() {
      close();
      open();
    },
    close,
  };
}

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
} as const;

/**
 * How long to wait before a failed read or subscription is tried again: full jitter, at least a tenth of the longest
 * pause. @param failures in a row so far; @param random 0 ≤ x < 1.
 */
export function retryPauseMs(failures: number, random: number): number {
  const ceiling = Math.min(tailTimes.maxRetryMs, tailTimes.retryMs * 2 ** Math.min(failures, 20));
  return ceiling * (0.1 + 0.9 * random);
}
