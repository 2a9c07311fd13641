import type { LogState } from '../core/continuity.ts';
import { FeedError } from '../core/feed-error.ts';
import { type EventId, formatEventId } from '../core/ids.ts';

/**
 * The port to the store of the events; `redis/` and `sqlite/` implement it. A new adapter is done when the contract
 * suite in `tests/log/contract.ts` passes for it. The suite tests the promises below, except those about errors, `close`
 * and callbacks that throw: for these, give the adapter tests of its own, as the others have.
 *
 * - **Ids.** Only the log issues ids and epochs, in the same atomic step that stores the events. Within an epoch, seqs are
 *   dense from 1 and times never go back: if the log's clock stands behind the last id, the log uses the last id's time.
 *   A channel without a stored log, because it is new or was lost, starts at seq 1 in a new epoch.
 * - **Atomic steps.** Each `append`, `read`, `latest`, `ends` and `forget` is one atomic step, for any number of processes on
 *   the same store.
 * - **Data** comes back as the same text.
 * - **State.** For each channel the log keeps the latest event of each subject, also when retention has removed it from the
 *   sequence. An event with `remove` takes its subject out. An event with `ttlMs` counts until `id.time + ttlMs`, by the log's
 *   clock; from then on its subject is gone, and no older event of it comes back. A channel that starts again in a new epoch
 *   starts without a state.
 * - **End.** A channel whose last event has `end` takes no more events. The log never removes the last event of a channel
 *   while it keeps the channel.
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
   *    ids with `duplicate: true`, also if the channel has ended since. A refused request does not use up its key.
   * 2. refuses the request if one of its channels has ended.
   * 3. checks the limits by the log's clock, and charges the events to each of them; a refused request costs nothing.
   * 4. refuses the request if it adds a subject, and its channel would then have more than `maxSubjects`. Expired subjects
   *    do not count.
   * 5. stores the events, and removes the oldest ones beyond the channel's rules. It may keep more than they say, never less.
   * 6. announces the events to followers: one signal for each channel, in the order of the log. Duplicates and refused
   *    requests are not announced.
   * @throws FeedError `key-reused` when the key was used for other events; `channel-ended`; `rate-limited` with the time until
   * the request fits; `too-many-subjects`; `too-large` when the store does not accept a request of this size.
   */
  append(request: AppendRequest): Promise<AppendResult>;

  /**
   * Reads at most `limit` (1 to `maxRead`) events of a channel, and the channel's state in the same step. The page ends
   * early after about `readBudgetBytes` of data, but never before its first event; so compare the last event with
   * `state.last` to know whether there are more. A channel without a log gives `{ state: null, events: [] }`.
   */
  read(channel: string, from: ReadFrom, limit: number): Promise<LogPage>;

  /**
   * Reads a channel's state: the latest events of its subjects, without removed and expired ones, in the order of their seqs.
   * It returns those with a seq higher than `afterSeq` (0: from the start), at most `limit` (1 to `maxRead`). The page ends
   * early after about `readBudgetBytes` of data, but never before its first event.
   *
   * The next page begins after the seq of the last event of this one. A subject that gets an event between two pages moves to
   * the end. So read all pages, then apply the events that come after the end of the log as the first page saw it: that is the
   * state. A channel without a log gives `{ state: null, events: [], more: false }`.
   */
  latest(channel: string, afterSeq: number, limit: number): Promise<LatestPage>;

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

  /**
   * Deletes a channel: its events, its state and its epoch. Its followers get `unsure`. A publish starts it again, in a new
   * epoch. Idempotency keys stay: a request from before is still a duplicate. A channel without a log stays so.
   */
  forget(channel: string): Promise<void>;

  /**
   * Whether the store may delete whole channels when its memory is full, as far as the log knows; false: it does not, or
   * the store does not tell.
   */
  mayEvict(): boolean;

  /** Ends the subscriptions without a signal, and frees files, sockets and timers. The log is not used after it. */
  close(): void;
};

/** An event to be stored. */
export type NewEvent = {
  readonly channel: string;
  readonly type: string;
  /** JSON text on one line, as `JSON.stringify` writes it. */
  readonly data: string;
  readonly attributes?: EventAttributes;
};

/** What an event has besides its type and data. A plain event has no attributes; there is never an empty object. */
export type EventAttributes = {
  /** What the event is about: a text that `isSubject` accepts. */
  readonly subject?: string;
  /** Takes the subject out of the state. Only with a subject, and not with `ttlMs`. */
  readonly remove?: true;
  /** How long the event counts for the state, in whole ms, 1 or more. Only with a subject. */
  readonly ttlMs?: number;
  /** Ends the channel. Only on the last event of its channel in a request. */
  readonly end?: true;
};

/** A stored event. */
export type LogEvent = {
  readonly id: EventId;
  readonly type: string;
  /** The same text that was stored. */
  readonly data: string;
  readonly attributes?: EventAttributes;
};

/** What a log keeps of a channel, and how many subjects the channel may have. */
export type ChannelRules = {
  /** How many events the channel keeps, at least. */
  readonly retentionEvents: number;
  /** How long the channel keeps an event, at least, in seconds; each publish removes older ones. null: as long as `retentionEvents` allows. */
  readonly retentionSeconds: number | null;
  /** How long after its end the channel is deleted, in seconds; null: it is kept as if it had not ended. */
  readonly expireAfterEndSeconds: number | null;
  /** How many subjects the channel may have. */
  readonly maxSubjects: number;
};

/** The rules of a channel for which no others are set. */
export function defaultRules(retentionEvents: number): ChannelRules {
  return { retentionEvents, retentionSeconds: null, expireAfterEndSeconds: null, maxSubjects: 10_000 };
}

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

/** A part of a channel's state. */
export type LatestPage = {
  /** The channel's epoch, and the first and last id that the log keeps, read in the same step as the events. */
  readonly state: LogState;
  /** Latest events of subjects, in the order of their seqs. */
  readonly events: readonly LogEvent[];
  /** Whether the channel has more subjects after these. */
  readonly more: boolean;
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

/** The last event of each subject in a request, in the order of the request. Only it counts for the state. */
export function lastOfEachSubject<Event extends { readonly attributes?: EventAttributes }>(
  events: readonly Event[],
): ReadonlyMap<string, Event> {
  const found = new Map<string, Event>();
  for (const event of events) {
    const subject = event.attributes?.subject;
    if (subject !== undefined) found.set(subject, event);
  }
  return found;
}

/** The error for a publish to a channel that has ended. @param last the id of its last event. */
export function channelEnded(channel: string, last: EventId): FeedError {
  return new FeedError(
    'channel-ended',
    `Channel "${channel}" ended at ${formatEventId(last)}. Publish to another channel, or delete this one with: npm run forget -- --channel ${channel}`,
  );
}

/** The error for a publish after which a channel would have `count` subjects, more than the `most` it may have. */
export function tooManySubjects(channel: string, count: number, most: number): FeedError {
  const [many, limit] = [count, most].map((number) => number.toLocaleString('en-US'));
  return new FeedError(
    'too-many-subjects',
    `Channel "${channel}" would have ${many} subjects; the limit is ${limit} (maxSubjects in lib/config/channels.ts). Remove subjects, or publish them with ttlSeconds.`,
  );
}
