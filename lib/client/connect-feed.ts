import { createFeed } from './feed.ts';
import type { Feed, FeedOptions } from './feed-options.ts';
import { createTabShare } from './tabs/share.ts';

/**
 * Reads a feed: every event once, in order, over any number of connections. If events are gone, the reader gets a gap.
 * Works in browsers, where tabs share one connection (option `share`), and in Node.
 * @throws FeedError `bad-request` when `after` or the initial cursor is none.
 */
export function connectFeed<const T extends string = string>(options: FeedOptions<T> = {}): Feed<T> {
  const feed = createFeed(options, createTabShare);
  if (options.enabled !== false) feed.setEnabled(true);
  return feed;
}
