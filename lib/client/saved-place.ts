import { type EventId, readEventId } from '../core/ids.ts';
import type { FeedEntry } from './feed-options.ts';
import type { FeedQuery } from './transport/http.ts';
import { readerName } from './transport/reader-name.ts';
import { readCursorOf } from './transport/wire.ts';

/** Where a reader was, and how far back its list went. */
export type Place = {
  readonly cursor: string;
  /** Per channel the oldest event of the list. */
  readonly oldest: ReadonlyMap<string, EventId>;
};

/** The place of one feed in the storage of its tab. Events are never stored: after a reload the server decides who gets them. */
export type SavedPlace = {
  /** Says with which token the feed reads from now on: the place is of this reader. Never rejects. */
  identify(token: string | null): Promise<void>;
  /** The place that the same reader has left; null where there is none. */
  find(): Place | null;
  /** Overwrites the place. Does nothing before `identify`. */
  save(cursor: string, entries: readonly FeedEntry[]): void;
  /** Calls `save` whenever the page may go. @returns a function that ends it. */
  whenLeaving(save: () => void): () => void;
};

/** Most entries of a list that come back after a reload. */
const maxEntries = 1_000;

/** @returns null where there is no page, as in Node. */
export function createSavedPlace(query: FeedQuery): SavedPlace | null {
  if (typeof document === 'undefined') return null;
  const key = `steadfeed ${JSON.stringify([query.url, query.channels, query.types])}`;
  let reader: string | null = null;
  return {
    async identify(token) {
      // Without a secure connection a browser makes no digests: then nothing is stored.
      reader = await readerName(query, token, location.href).catch(() => null);
    },
    find() {
      try {
        const saved = JSON.parse(sessionStorage.getItem(key) ?? '');
        if (reader === null || saved.reader !== reader) return null;
        readCursorOf(query.channels, saved.cursor, key);
        const oldest = new Map<string, EventId>();
        for (const channel of query.channels) {
          const id = readEventId(String(saved.oldest[channel]));
          if (id !== null) oldest.set(channel, id);
        }
        return { cursor: saved.cursor, oldest };
      } catch {
        // Nothing is stored, or nothing that a feed wrote; or the page has no storage.
        return null;
      }
    },
    save(cursor, entries) {
      if (reader === null) return;
      const oldest: Record<string, string> = {};
      for (const entry of entries.slice(-maxEntries).reverse())
        if (entry.kind === 'event') oldest[entry.event.channel] = entry.event.id;
      try {
        sessionStorage.setItem(key, JSON.stringify({ reader, cursor, oldest }));
      } catch {
        // Storage is full or switched off: after a reload the feed begins as without `persist`.
      }
    },
    whenLeaving(save) {
      const ending = new AbortController();
      const { signal } = ending;
      window.addEventListener('pagehide', save, { signal });
      // A phone may end a hidden page without another event.
      document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && save(), {
        signal,
      });
      return () => ending.abort();
    },
  };
}
