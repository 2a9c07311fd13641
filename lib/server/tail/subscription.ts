import type { Clock } from '../../core/clock.ts';
import type { EventLog, FollowSignal } from '../../log/event-log.ts';

/** A subscription that is renewed whenever it breaks. */
export type Subscription = {
  /** Whether the log has acknowledged it and it has not broken since. */
  isConnected(): boolean;
  /** Begins anew at once; for when it is alive by its looks only. */
  renew(): void;
  close(): void;
};

/** Follows `channel` until closed, with backoff and jitter between attempts. Signals of an attempt given up are dropped. */
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
    // Only an attempt that lived a while proves that the way is open again.
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
  /** After this long without the log, readers are woken so that they can give up. */
  giveUpMs: 30_000,
  /** Pause between reads of an answer that may be stale. */
  staleMs: 250,
  /** Silence after which a tail is checked at the earliest. */
  firstCheckMs: 5_000,
  /** A tail without readers is kept this long. */
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
