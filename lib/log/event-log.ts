import type { LogState } from '../core/continuity.ts';
import { FeedError } from '../core/feed-error.ts';
import type { EventId } from '../core/ids.ts';

/**
 * The port to the store of the events; `redis/` and `sqlite/` implement it. A new adapter is done when the contract
 * suite in `tests/log/contract.ts` passes for it. The suite tests the promises below, except those about errors, `close`
 * and callbacks that throw: for these, give the adapter tests of its own, as the others have.
 *
 * - **Ids.** Only the log issues ids and epochs, in the same atomic step that stores the events. Within an epoch, seqs are
 *   dense from 1 and times never go back: if the log's clock stands behind the last id, the log uses the last id's time.
 *   A channel without a stored log, because it is new or was lost, starts at seq 1 in a new epoch.
 * - **Atomic steps.** Each `append`, `read` and `ends` is one atomic step, for any number of processes on the same store.
 * - **Data** comes back as the same text.
 * - **Errors.** Each method rejects with a FeedError: `log-unavailable` when the store cannot be reached or fails, or has not
 *   answered after `answerWithinMs`, or a code that the method names. If the store says when to
 *   ask again, the error has that time as `retryAfterSeconds`, and each retry waits for it. Messages never contain a driver's
 *   text, a URL or a secret. An `append` that was rejected with `log-unavailable` may be stored all the same, so an adapter
 *   never retries it; a caller with a key may.
 */
export type EventLog = {
  /** `redis` is reached by the REST API, `redis-tcp` over TCP. */
  readonly kind: 'embedded' | 'redis' | 'redis-tcp';

  /**
   * Stores all events of the request, or none. Events of one channel get neighbouring seqs, in the order of the request.
   *
   * In the same step it:
   * 1. looks up the key. If the key was used in the last 24 h for the same events, it stores nothing, and returns the first
   *    ids with `duplicate: true`. A refused request does not use up its key.
   * 2. checks the limits by the log's clock, and charges the events to each of them; a refused request costs nothing.
   * 3. stores the events, and removes the oldest ones beyond retention. It may keep more than the retention, never less.
   * 4. announces the events to followers: one signal for each channel, in the order of the log. Duplicates and refused
   *    requests are not announced.
   * @throws FeedError `key-reused` when the key was used for other events; `rate-limited` with the time until the request
   * fits; `too-large` when the store does not accept a request of this size.
   */
  append(request: AppendRequest): Promise<AppendResult>;

  /**
   * Reads at most `limit` (1 to `maxRead`) events of a channel, and the channel's state in the same step. The page ends
   * early after about `readBudgetBytes` of data, but never before its first event; so compare the last event with
   * `state.last` to know whether there are more. A channel without a log gives `{ state: null, events: [] }`.
   */
  read(channel: string, from: ReadFrom, limit: number): Promise<LogPage>;

  /**
   * Returns the state of each channel: null for one without a log. Without channels it only checks that the log answers.
   */
  ends(channels: readonly string[]): Promise<ReadonlyMap<string, LogState>>;

  /**
   * Reports new events of a channel until `signal` aborts or the subscription is lost. It is a hint: events can be
   * reported twice, and can be missing without a signal. A caller that needs all events reads them after `connected`, after
   * `unsure`, when a seq is missing, and from time to time.
   *
   * - `connected` comes first, after the store has acknowledged the subscription. Events stored before it are not reported.
   * - `lost` comes last, and once. The subscription does not reconnect; the caller follows again.
   * - Nothing is reported before `follow` has returned, after `lost`, or after an abort.
   * - A callback may abort, append or follow. A callback that throws does not disturb other followers.
   * - `follow` never throws: a subscription that cannot start is reported as `lost`.
   */
  follow(channel: string, onSignal: (signal: FollowSignal) => void, signal: AbortSignal): void;

  /** Ends the subscriptions without a signal, and frees files, sockets and timers. The log is not used after it. */
  close(): void;
};

/** An event to be stored. */
export type NewEvent = {
  readonly channel: string;
  readonly type: string;
  /** JSON text on one line, as `JSON.stringify` writes it. */
  readonly data: string;
};

/** A stored event. */
export type LogEvent = {
  readonly id: EventId;
  readonly type: string;
  /** The same text that was stored. */
  readonly data: string;
};

export type AppendRequest = {
  /** 1 to `maxAppend` events of any channels. */
  readonly events: readonly NewEvent[];
  /** The idempotency key of the request, and a hash of its events; null if the request has no key. */
  readonly key: { readonly name: string; readonly fingerprint: string } | null;
  /** The limits that the request must fit, all with different names; none by default. */
  readonly limits?: readonly RateLimit[];
};

/** How many events may be stored under a name. The same name always comes with the same rate and burst. */
export type RateLimit = {
  /** Who is limited: 1 to 100 characters. */
  readonly name: string;
  /** Events per second, on average. */
  readonly perSecond: number;
  /** Events at once after a pause; at least `maxAppend`, so that every request fits at some time. */
  readonly burst: number;
};

export type AppendResult = {
  /** The id of each event, in the order of the request. */
  readonly ids: readonly EventId[];
  /** Whether an earlier request with the same key stored the events, and this one stored nothing. */
  readonly duplicate: boolean;
};

/** Which events to read. `read` always returns them in the order of their seqs, oldest first. */
export type ReadFrom =
  /** The oldest events after `id`. The id need not be in the log: it is a place in the order of ids. */
  | { readonly kind: 'after'; readonly id: EventId }
  /** The newest events before `id`. */
  | { readonly kind: 'before'; readonly id: EventId }
  /** The newest events. */
  | { readonly kind: 'newest' }
  /** The oldest of the last `count` events (1 or more). Finding them must not cost a read of all `count` events. */
  | { readonly kind: 'last'; readonly count: number }
  /** The oldest events that are at most `ageMs` old, by the log's clock. */
  | { readonly kind: 'since'; readonly ageMs: number };

export type LogPage = {
  /** The channel's epoch, and the first and last id that the log keeps, read in the same step as the events. */
  readonly state: LogState;
  readonly events: readonly LogEvent[];
};

/** What a subscription reports. */
export type FollowSignal =
  /** The store has acknowledged the subscription. */
  | { readonly kind: 'connected' }
  /** New events of one append, in the order of their seqs. */
  | { readonly kind: 'events'; readonly epoch: string; readonly events: readonly LogEvent[] }
  /** Events may have been stored that are not reported. Read to be sure. */
  | { readonly kind: 'unsure' }
  /** The subscription has ended. */
  | { readonly kind: 'lost'; readonly cause: unknown };

/** The most events in one `append`. */
export const maxAppend = 500;

/** The most events in one `read`. */
export const maxRead = 500;

/**
 * About how many bytes of data one `read` returns: more than the largest event, and less than 1 MB with everything around
 * the data, which is the limit of a Redis answer on Upstash's older plans. 500 events of 64 KiB would be 32 MB.
 */
export const readBudgetBytes = 750_000;

/**
 * How long a log may take for an answer, in ms. This one number governs: an adapter gives up a request after it, and a stream
 * waits as long for hello. If an adapter gave up earlier, a slow log could answer polls but never start a stream. A stream's
 * first read starts up to 0.7 s after its request (`tailTimes.acknowledgeMs`), so hello needs an answer within 7.3 s.
 */
export const answerWithinMs = 8_000;

/** How long the log remembers an idempotency key, in ms. */
export const keyLifeMs = 24 * 60 * 60 * 1_000;

/** The error for a key that was used for other events. */
export function keyReused(): FeedError {
  return new FeedError(
    'key-reused',
    'This Idempotency-Key was used in the last 24 h for other events. Use a new key, or send the same events again.',
  );
}
