import type { Gap } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import type { FeedEvent } from '../../core/event.ts';

/** One line of a feed as a page shows it: an event, or the place where events are missing. */
export type FeedEntry<E extends FeedEvent = FeedEvent> =
  | { readonly kind: 'event'; readonly key: string; readonly event: E }
  | { readonly kind: 'gap'; readonly key: string; readonly gap: Gap };

/** An event as an entry; `key` is unique within a feed, for a list that is rendered. */
export function eventEntry(event: FeedEvent): FeedEntry {
  return { kind: 'event', key: `${event.channel}@${event.id}`, event };
}

/** A gap as an entry. */
export function gapEntry(gap: Gap): FeedEntry {
  return { kind: 'gap', key: `${gap.channel}@${gap.after}>${gap.resumesAt ?? ''}`, gap };
}

/** What a source told, as an entry. */
export function entryOf(item: FeedItem): FeedEntry {
  return item.kind === 'event' ? eventEntry(item.event) : gapEntry(item.gap);
}

/** The channel an entry belongs to, or what a source told. */
export function channelOf(entry: FeedEntry | FeedItem): string {
  return entry.kind === 'event' ? entry.event.channel : entry.gap.channel;
}

/** What a source tells of one channel, checked and parsed; `position` is where its reader is after it. */
export type FeedItem =
  | { readonly kind: 'event'; readonly event: FeedEvent; readonly position: Position }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly position: Position };
