import type { Gap } from './continuity.ts';

/** One immutable fact, as every reader gets it. */
export type FeedEvent = {
  /** `<time>-<seq>`, unique and increasing within its channel's epoch. */
  readonly id: string;
  readonly channel: string;
  readonly type: string;
  /** Unix time in ms at which the log took it; the same as the id's. */
  readonly time: number;
  /** Any JSON value, equal to the one that was published. */
  readonly data: unknown;
};

/** How a client should poll here. */
export type PollAdvice = {
  /** Seconds a request may be held for news: 20 where the server is one's own, 0 behind a CDN. */
  readonly waitSeconds: number;
  /** Pause in ms between two requests. */
  readonly everyMs: number;
};

/** How a client polls until the server has given its advice. */
export const defaultPollAdvice: PollAdvice = { waitSeconds: 0, everyMs: 2_000 };

/** One page of a feed: the answer of `GET /api/events`. */
export type FeedPage = {
  readonly events: readonly FeedEvent[];
  /** Where the reader is after this page; a stream continues from it. */
  readonly cursor: string;
  readonly gaps: readonly Gap[];
  /** Whether the log holds more after (with `before`: ahead of) this page. */
  readonly more: boolean;
  readonly poll: PollAdvice;
};
