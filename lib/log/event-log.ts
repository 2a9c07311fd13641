import type { LogState } from '../core/continuity.ts';
import type { EventId } from '../core/ids.ts';

/** An event as a log keeps it. */
export type LogEvent = {
  readonly id: EventId;
  readonly type: string;
  /** The event's data as JSON text on one line, as `JSON.stringify` wrote it. */
  readonly data: string;
};

/** An event that is to be stored. */
export type NewEvent = {
  readonly channel: string;
  readonly type: string;
  /** JSON text on one line, as `JSON.stringify` writes it. */
  readonly data: string;
};

/** How much may be stored under a name. One name always comes with the same rate and burst. */
export type RateLimit = {
  /** Whose allowance it is: 1 to 100 characters. */
  readonly name: string;
  /** Events a second in the long run. */
  readonly perSecond: number;
  /** Events at once, where nothing was stored for a while; at least `maxAppend`, so that every request fits some time. */
  readonly burst: number;
};

export type AppendRequest = {
  /** 1 to 500 events of any channels. */
  readonly events: readonly NewEvent[];
  /** Idempotency key, and a hash of the events that were sent with it; null where the request carries none. */
  readonly key: { readonly name: string; readonly fingerprint: string } | null;
  /** Limits that all must leave room for the events, each of another name; none where it is not given. */
  readonly limits?: readonly RateLimit[];
};

export type AppendAnswer = {
  /** The id of each event, in the order of the request. */
  readonly ids: readonly EventId[];
  /** Whether an earlier request with this key stored them, and this one nothing. */
  readonly duplicate: boolean;
};

/** Which events a read asks for. Those given back are always in seq order, oldest first. */
export type ReadFrom =
  /** The oldest events after `id`, which itself is not among them. An unknown or trimmed id is a place like any other. */
  | { readonly kind: 'after'; readonly id: EventId }
  /** The newest events ahead of `id`, which itself is not among them. */
  | { readonly kind: 'before'; readonly id: EventId }
  /** The newest events kept. */
  | { readonly kind: 'newest' }
  /** The oldest of the last `count` events kept, at least one: of those that are not given back no data is read. */
  | { readonly kind: 'last'; readonly count: number }
  /** The oldest events whose time is at most `ageMs` ago, by the log's clock. */
  | { readonly kind: 'since'; readonly ageMs: number };

export type LogPage = {
  /** The channel's epoch, first and last id kept, read in the same step as the events. */
  readonly state: LogState;
  readonly events: readonly LogEvent[];
};

/** What a subscription tells. */
export type FollowSignal =
  /** The log has acknowledged: every append from here on is told. */
  | { readonly kind: 'connected' }
  /** New events of one append, in seq order. At least once; some may never come. */
  | { readonly kind: 'events'; readonly epoch: string; readonly events: readonly LogEvent[] }
  /** Something may have been appended that was not told. Read to be sure. */
  | { readonly kind: 'unsure' }
  /** The subscription has ended and will tell nothing more. */
  | { readonly kind: 'lost'; readonly cause: unknown };

/** Most events of one `append`. */
export const maxAppend = 500;

/** Most events of one `read`. */
export const maxRead = 500;

/**
 * About as many bytes of events does one `read` answer with, though never without an event: above the largest event, and
 * below 1 MB with all around it, which older plans of the Redis service allow an answer; 500 of 64 KiB were 32 MB.
 */
export const readBudgetBytes = 750_000;

/** How long an idempotency key is remembered, in ms. */
export const keyLifeMs = 24 * 60 * 60 * 1_000;

/**
 * Where events are kept. Ids and epochs are issued here and nowhere else, in the same atomic step that stores.
 * Every method rejects with FeedError `log-unavailable` when the log cannot be reached.
 */
export type EventLog = {
  readonly kind: 'embedded' | 'redis';

  /**
   * Stores all events of the request, or none. Each channel's events get the next dense seqs, next to each other
   * and in order; they are announced to followers in log order. A channel without a log gets a new epoch.
   * With a key that was used within 24 h for the same events, it stores nothing and answers the first ids.
   * Then drops what is beyond retention, oldest first.
   * The limits are checked in the same step, by the log's clock: only what is stored is charged, to all of them.
   * @throws FeedError `key-reused` when the key was used for other events; `rate-limited`, saying when it would fit,
   * when it is beyond a limit: its key is not used then.
   */
  append(request: AppendRequest): Promise<AppendAnswer>;

  /**
   * Reads at most `limit` (1 to 500) events of a channel, and its state, in one round trip. A page of large events
   * may end early, though never without an event: whether there are more is told by the state, not by the count.
   */
  read(channel: string, from: ReadFrom, limit: number): Promise<LogPage>;

  /** The state of each channel, in one round trip; with no channels it only proves that the log answers. */
  ends(channels: readonly string[]): Promise<ReadonlyMap<string, LogState>>;

  /**
   * Tells of new events until `signal` aborts or the subscription is lost. It is a hint: whoever needs all events
   * repairs by `read`. It does not renew itself. Nothing is told after `lost` or an abort.
   */
  follow(channel: string, onSignal: (signal: FollowSignal) => void, signal: AbortSignal): void;

  /** Frees files, sockets and timers. */
  close(): void;
};
