import type { Gap } from '../core/continuity.ts';
import type { FeedEvent } from '../core/event.ts';
import { compareEventIds, type EventId, formatEventId } from '../core/ids.ts';
import { channelOf, eventEntry, type FeedEntry } from './transport/feed-items.ts';
import { readId } from './transport/wire.ts';

/** What a feed holds, oldest first. The same object for as long as nothing changes. */
export type FeedView = {
  /** Events and gaps in the order in which a page shows them. */
  readonly entries: readonly FeedEntry[];
  readonly events: readonly FeedEvent[];
  readonly gaps: readonly Gap[];
};

/** The newest entries of a feed: each event once, each channel's in seq order, gaps in their place. */
export type FeedStore = {
  /** Takes entries that are new. What is not newer than its channel's newest is dropped; a `restarted` gap begins anew. */
  add(entries: readonly FeedEntry[]): void;
  /**
   * Takes older events of one channel, in any order, that were asked for ahead of `before`: what `oldest` gave then.
   * Nothing where the oldest is another by now: between it and them would be a hole. @returns how many were new.
   */
  prepend(channel: string, before: EventId | 'none', events: readonly FeedEvent[]): number;
  /** How many entries the bound has taken so far. */
  dropped(): number;
  /** The oldest event held of a channel; null where there is none, or where the log that issued it is gone. */
  oldest(channel: string): EventId | 'none' | 'gone';
  view(): FeedView;
};

/** @param limit most entries kept, the newest; pages that a reader asked for by `prepend` come on top. */
export function createFeedStore(limit: number): FeedStore {
  let entries: FeedEntry[] = [];
  let most = limit;
  let view: FeedView | null = null;
  let removed = 0;
  const newest = new Map<string, EventId>();

  function isNews(entry: FeedEntry): boolean {
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
    removed += Math.max(0, entries.length - most);
    entries = entries.slice(-most);
  }

  return {
    add(added) {
      for (const entry of added) {
        if (!isNews(entry)) continue;
        insert(entries, entry);
        view = null;
      }
      // Twice the bound before anything is moved: so that an append costs the same however many are held.
      if (entries.length > 2 * most) trim();
    },
    prepend(channel, before, events) {
      trim();
      const oldest = firstEvent(entries, channel);
      const asked = before === 'none' ? undefined : formatEventId(before);
      if (oldest?.id !== asked) return 0;
      const older = events
        .map((event) => ({ event, id: readId(event.id) }))
        .filter(({ id }) => before === 'none' || compareEventIds(id, before) < 0)
        .sort((a, b) => compareEventIds(a.id, b.id));
      entries = merge(
        older.map(({ event }) => eventEntry(event)),
        entries,
      );
      most += older.length;
      const last = older.at(-1);
      if (last !== undefined && !newest.has(channel)) newest.set(channel, last.id);
      view = older.length === 0 ? view : null;
      return older.length;
    },
    oldest(channel) {
      const event = firstEvent(entries.slice(-most), channel);
      if (event === undefined) return 'none';
      const isGone = entries
        .slice(entries.findIndex((entry) => entry.kind === 'event' && entry.event === event))
        .some(
          (entry) =>
            entry.kind === 'gap' && entry.gap.channel === channel && entry.gap.reason === 'restarted',
        );
      return isGone ? 'gone' : readId(event.id);
    },
    dropped: () => removed + Math.max(0, entries.length - most),
    view() {
      view ??= viewOf(entries.slice(-most));
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
  return { entries, events, gaps };
}

function firstEvent(entries: readonly FeedEntry[], channel: string): FeedEvent | undefined {
  for (const entry of entries) {
    if (entry.kind === 'event' && entry.event.channel === channel) return entry.event;
  }
  return undefined;
}

/** Puts an entry behind everything of its own channel, and among the other channels by time. */
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

/** Two lists in display order as one. */
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
