import type { Gap } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import type { FeedEvent } from '../../core/event.ts';

/** What a source sends about one channel, checked. `position` is where its reader is afterwards. */
export type FeedItem =
  | { readonly kind: 'event'; readonly event: FeedEvent; readonly position: Position }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly position: Position };

/** One line of a feed as a page shows it: an event, or a place where events are missing. */
export type FeedEntry<E extends FeedEvent = FeedEvent> =
  | { readonly kind: 'event'; readonly key: string; readonly event: E }
  | { readonly kind: 'gap'; readonly key: string; readonly gap: Gap };

/** An item as an entry. */
export function entryOf(item: FeedItem): FeedEntry {
  return item.kind === 'event' ? eventEntry(item.event) : gapEntry(item.gap);
}

/** An event as an entry. `key` is unique within a feed, for rendering a list. */
export function eventEntry(event: FeedEvent): FeedEntry {
  return { kind: 'event', key: `${event.channel}@${event.id}`, event };
}

/** A gap as an entry. */
export function gapEntry(gap: Gap): FeedEntry {
  return { kind: 'gap', key: `${gap.channel}@${gap.after}>${gap.resumesAt ?? ''}`, gap };
}

/** The channel of an entry or an item. */
export function channelOf(entry: FeedEntry | FeedItem): string {
  return entry.kind === 'event' ? entry.event.channel : entry.gap.channel;
}
