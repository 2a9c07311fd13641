import type { Clock } from '../../core/clock.ts';
import type { EventLog, FollowSignal } from '../../log/event-log.ts';
import { retryPauseMs, tailTimes } from './tail-times.ts';

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
      if (signal.kind === 'lost') retryLater(mine, signal.cause);
      onSignal(signal);
    };
    log.follow(channel, hear, mine.signal);
  }

  function retryLater(mine: AbortController, cause: unknown): void {
    mine.abort();
    // Only a subscription that lived for a while ends the backoff: the log may acknowledge each one and drop it.
    const hasLived = connectedAt !== null && clock.elapsed() - connectedAt > tailTimes.maxRetryMs;
    failures = hasLived ? 0 : failures + 1;
    connectedAt = null;
    cancelRetry = clock.after(retryPauseMs(failures, clock.random(), cause), open);
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
