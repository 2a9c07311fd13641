import type { Gap } from './continuity.ts';

/** One immutable fact, as every reader gets it. */
export type FeedEvent = {
  /** `<time>-<seq>`: unique, and increasing within an epoch of its channel. */
  readonly id: string;
  readonly channel: string;
  readonly type: string;
  /** What the event is about; absent: it names nothing. The newest event of each subject is the channel's state. */
  readonly subject?: string;
  /** The event takes its subject out of the state. */
  readonly remove?: true;
  /** Unix time in ms, by the log's clock, from which on the event counts no longer for the state; absent: it counts until the next one. */
  readonly expiresAt?: number;
  /** The channel ends with this event: nobody can publish to it any more. */
  readonly end?: true;
  /** Unix time in ms at which the log stored the event; the same as in the id. */
  readonly time: number;
  /** Any JSON value, equal to the published one. */
  readonly data: unknown;
};

/** One page of a feed: the body of `GET /api/events`. */
export type FeedPage = {
  readonly events: readonly FeedEvent[];
  /** The reader's cursor after this page. The next page or a stream continues from it. */
  readonly cursor: string;
  readonly gaps: readonly Gap[];
  /** Whether the log has more events after this page, or before it when the request has `before`. */
  readonly more: boolean;
  /** Only on a page of the state, with `more`: the id to give as `latest` for the next page. */
  readonly next?: string;
  /** All channels have ended, and the page reaches their end: no request would bring more. */
  readonly ended?: true;
  readonly poll: PollAdvice;
};

/** How a client should poll this server. */
export type PollAdvice = {
  /** How long a poll should ask the server to wait for an event, in seconds: 20 for long polls, 0 for short polls. */
  readonly waitSeconds: number;
  /** The pause between two polls, in ms. */
  readonly everyMs: number;
  /** Only for a reader at rest: it should rest on. Without it, it should stream. */
  readonly rest?: boolean;
};

/** How a client polls before the server has advised it. */
export const defaultPollAdvice: PollAdvice = { waitSeconds: 0, everyMs: 2_000 };
