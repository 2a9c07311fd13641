import { connectFeed } from '../../../lib/client/connect-feed.ts';
import type { Feed, FeedOptions } from '../../../lib/client/feed-options.ts';
import type { Gap } from '../../../lib/core/continuity.ts';
import { eventually } from './eventually.ts';

/** Our client and everything that it received, in order. It ends with its scope (`using`). */
export type FeedReader = Disposable & {
  /** The data of each event. */
  readonly data: readonly unknown[];
  readonly gaps: readonly Gap[];
  readonly feed: Feed;
  /** Waits until there are this many events. */
  until(count: number, withinMs?: number): Promise<void>;
};

/** Reads the feed of an app from its first event, over its own sockets. */
export function startFeedReader(
  app: { readonly url: string },
  options: Pick<FeedOptions, 'transport' | 'fetch'> = {},
): FeedReader {
  const data: unknown[] = [];
  const gaps: Gap[] = [];
  const feed = connectFeed({
    url: app.url,
    ...options,
    rewind: 'all',
    onEvent: (event) => void data.push(event.data),
    onGap: (gap) => void gaps.push(gap),
  });
  return {
    data,
    gaps,
    feed,
    until: (count, withinMs = 30_000) =>
      eventually(
        `${count} events have arrived; the last was ${data.at(-1)}`,
        withinMs,
        () => data.length >= count,
      ).then(() => undefined),
    [Symbol.dispose]: () => feed.close(),
  };
}
