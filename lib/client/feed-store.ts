import type { Gap } from '../core/continuity.ts';
import type { FeedEvent } from '../core/event.ts';
import { compareEventIds, type EventId, formatEventId } from '../core/ids.ts';
import type { FeedEntry } from './feed-options.ts';
import type { FeedItem } from './transport/messages.ts';
import { readId } from './transport/wire.ts';

/** The entries of a feed, oldest first. The same object while nothing changes. */
export type FeedView = {
  /** Events and gaps in display order. */
  readonly entries: readonly FeedEntry[];
  readonly events: readonly FeedEvent[];
  readonly newest: FeedEvent | null;
  readonly gaps: readonly Gap[];
};

/** The newest entries of a feed: each event once, each channel's in seq order, gaps in their place. */
export type FeedStore = {
  /** Adds entries. An event that is not newer than its channel's newest is dropped. After a `restarted` gap ids may be older. */
  add(entries: readonly FeedEntry[]): void;
  /**
   * Puts older events of one channel in front, in any order. `before` is what `oldest` returned when they were requested.
   * If the oldest event is another one by now, nothing is added: events would be missing between.
   * @param isOnTop whether the limit grows by these events. @returns how many were new.
   */
  prepend(channel: string, before: EventId | 'none', events: readonly FeedEvent[], isOnTop: boolean): number;
  /** How many entries the limit has dropped so far. */
  dropped(): number;
  /** The oldest event of a channel. `none`: there is no event. `gone`: the log that issued it was lost (a restart follows). */
  oldest(channel: string): EventId | 'none' | 'gone';
  view(): FeedView;
};

/** @param limit how many entries are kept, the newest. Pages that `prepend` has added may come on top. */
export function createFeedStore(limit: number): FeedStore {
  let entries: FeedEntry[] = [];
  let capacity = limit;
  let view: FeedView | null = null;
  let removed = 0;
  const newest = new Map<string, EventId>();

  function isNew(entry: FeedEntry): boolean {
    if (entry.kind === 'gap') {
      if (entry.gap.reason === 'restarted') newest.delete(entry.gap.channel);
      return true;
    }
    const id = readId(entry.event.id);
    const last = newest.get(entry.event.channel);
    if (last !== undefined && compareEventIds(id, last) <= 0) return false;
    newest.set(entry.event.channel, id);
    return true;
  }

  function trim(): void {
    removed += Math.max(0, entries.length - capacity);
    entries = entries.slice(-capacity);
  }

  return {
    add(added) {
      for (const entry of added) {
        if (!isNew(entry)) continue;
        insert(entries, entry);
        view = null;
      }
      // Not at each event: each trim copies the whole list.
      if (entries.length > 1.05 * capacity) trim();
    },
    prepend(channel, before, events, isOnTop) {
      trim();
      const oldest = firstEvent(entries, channel);
      const requested = before === 'none' ? undefined : formatEventId(before);
      if (oldest?.id !== requested) return 0;
      const older = events
        .map((event) => ({ event, id: readId(event.id) }))
        .filter(({ id }) => before === 'none' || compareEventIds(id, before) < 0)
        .sort((a, b) => compareEventIds(a.id, b.id));
      entries = merge(
        older.map(({ event }) => eventEntry(event)),
        entries,
      );
      if (isOnTop) capacity += older.length;
      const last = older.at(-1);
      if (last !== undefined && !newest.has(channel)) newest.set(channel, last.id);
      view = older.length === 0 ? view : null;
      return older.length;
    },
    oldest(channel) {
      const event = firstEvent(entries.slice(-capacity), channel);
      if (event === undefined) return 'none';
      const isGone = entries
        .slice(entries.findIndex((entry) => entry.kind === 'event' && entry.event === event))
        .some(
          (entry) =>
            entry.kind === 'gap' && entry.gap.channel === channel && entry.gap.reason === 'restarted',
        );
      return isGone ? 'gone' : readId(event.id);
    },
    dropped: () => removed + Math.max(0, entries.length - capacity),
    view() {
      view ??= viewOf(entries.slice(-capacity));
      return view;
    },
  };
}

function viewOf(entries: readonly FeedEntry[]): FeedView {
  const events: FeedEvent[] = [];
  const gaps: Gap[] = [];
  for (const entry of entries) {
    if (entry.kind === 'event') events.push(entry.event);
    else gaps.push(entry.gap);
  }
  return { entries, events, newest: events.at(-1) ?? null, gaps };
}

function firstEvent(entries: readonly FeedEntry[], channel: string): FeedEvent | undefined {
  for (const entry of entries) {
    if (entry.kind === 'event' && entry.event.channel === channel) return entry.event;
  }
  return undefined;
}

/** Inserts an entry after all entries of its own channel, and by time among the other channels. */
function insert(entries: FeedEntry[], entry: FeedEntry): void {
  const time = timeOf(entry);
  const channel = channelOf(entry);
  let index = entries.length;
  for (; index > 0; index -= 1) {
    const previous = entries[index - 1];
    if (previous === undefined || channelOf(previous) === channel || timeOf(previous) <= time) break;
  }
  if (index === entries.length) entries.push(entry);
  else entries.splice(index, 0, entry);
}

/** Merges two lists in display order. */
function merge(older: readonly FeedEntry[], newer: readonly FeedEntry[]): FeedEntry[] {
  const merged: FeedEntry[] = [];
  let next = 0;
  for (const entry of newer) {
    for (let each = older[next]; each !== undefined && mustPrecede(each, entry); each = older[next]) {
      merged.push(each);
      next += 1;
    }
    merged.push(entry);
  }
  return [...merged, ...older.slice(next)];
}

function mustPrecede(older: FeedEntry, entry: FeedEntry): boolean {
  return channelOf(older) === channelOf(entry) || timeOf(older) <= timeOf(entry);
}

function timeOf(entry: FeedEntry): number {
  if (entry.kind === 'event') return entry.event.time;
  return readId(entry.gap.resumesAt ?? entry.gap.after).time;
}

/** An item as an entry. */
export function entryOf(item: FeedItem): FeedEntry {
  return item.kind === 'event' ? eventEntry(item.event) : gapEntry(item.gap);
}

/** An event as an entry. */
export function eventEntry(event: FeedEvent): FeedEntry {
  return { kind: 'event', key: `${event.channel}@${event.id}`, event };
}

/** A gap as an entry. */
export function gapEntry(gap: Gap): FeedEntry {
  return { kind: 'gap', key: `${gap.channel}@${gap.after}>${gap.resumesAt ?? ''}`, gap };
}

function channelOf(entry: FeedEntry): string {
  return entry.kind === 'event' ? entry.event.channel : entry.gap.channel;
}
