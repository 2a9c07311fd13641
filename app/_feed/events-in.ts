import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';

/** How many of the entries are events. */
export function eventsIn(entries: readonly FeedEntry[]): number {
  return entries.reduce((count, entry) => (entry.kind === 'event' ? count + 1 : count), 0);
}
