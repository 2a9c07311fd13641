import type { FeedEvent } from './feed-event.ts';
import type { Gap } from './gap.ts';

/** How a client should poll here. */
export type PollAdvice = {
  /** Seconds a request may be held for news: 20 where the server is one's own, 0 behind a CDN. */
  readonly waitSeconds: number;
  /** Pause in ms between two requests. */
  readonly everyMs: number;
};

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
