import type { Clock } from '../core/clock.ts';
import type { Cursor } from '../core/cursor.ts';
import { beforeFirst, compareEventIds, type EventId, formatEventId, idAfter } from '../core/ids.ts';
import type { FeedStore } from './feed-store.ts';
import { type FeedQuery, feedAddress } from './transport/http.ts';
import { readPage } from './transport/page.ts';
import { readId } from './transport/wire.ts';

export type History = {
  /** Loads one page before the oldest event of each channel, one call at a time. @returns false when a request failed. */
  older(): Promise<boolean>;
  /**
   * Loads each channel's events from `positions` back to the oldest one that a list had before a reload. They count towards
   * the limit of the store. If a request fails, the rest is left to `older`.
   */
  restore(positions: Cursor, oldest: ReadonlyMap<string, EventId>): Promise<boolean>;
  state(): { readonly hasOlder: boolean; readonly isLoadingOlder: boolean };
};

export type HistoryOptions = {
  readonly query: FeedQuery;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  readonly store: FeedStore;
  token(): Promise<string | null>;
  onChange(): void;
};

/** Every event is before this id. */
const afterAllEvents = '9007199254740991-9007199254740991';

/** The next page of history, as a user loads it. */
const nextPage = { before: afterAllEvents, limit: 100, isOnTop: true, from: beforeFirst };

/** Most pages per channel after a reload: with a type filter a page can be empty. */
const maxRestorePages = 10;

/** Time limit of one page of history, in ms. */
const timeoutMs = 15_000;

/** Reads backwards, page by page, into the store. It is independent of the connection and its cursor. */
export function createHistory({ query, clock, fetch, store, token, onChange }: HistoryOptions): History {
  /** Channels whose oldest event is in the store, and how many entries the store had dropped by then. */
  const complete = new Map<string, number>();
  let loading: Promise<boolean> | null = null;

  async function loadChannel(channel: string, { before, limit, isOnTop, from } = nextPage): Promise<boolean> {
    const oldest = store.oldest(channel);
    if (oldest === 'gone') {
      complete.set(channel, Number.POSITIVE_INFINITY);
      return true;
    }
    const channels = [channel];
    const more = { before: oldest === 'none' ? before : formatEventId(oldest), limit };
    const address = feedAddress({ ...query, channels }, 'events', more);
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort());
    const { signal } = timeout;
    const answer = await readPage({ address, token: await token(), channels, signal, fetch, now: clock.now });
    cancel();
    if (answer.kind !== 'page') return false;
    const found = answer.page.items.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
    const events = found.filter(({ id }) => compareEventIds(readId(id), from) >= 0);
    const hasFit = store.prepend(channel, oldest, events, isOnTop) > 0 || events.length === 0;
    const isEnd = !answer.page.more && events.length === found.length;
    if (hasFit && isEnd) complete.set(channel, store.dropped());
    return true;
  }

  /** Loads a channel's events back to `from`. @param before for a channel of which the feed has no event yet. */
  async function restoreChannel(channel: string, before: string, from: EventId): Promise<boolean> {
    for (let page = 0; page < maxRestorePages && !complete.has(channel); page += 1) {
      const oldest = store.oldest(channel);
      if (typeof oldest === 'object' && compareEventIds(oldest, from) <= 0) break;
      if (!(await loadChannel(channel, { before, limit: 500, isOnTop: false, from }))) return false;
    }
    return true;
  }

  /** A channel that was complete is incomplete again when the store has dropped entries since. */
  function incompleteChannels(): readonly string[] {
    return query.channels.filter((channel) => store.dropped() > (complete.get(channel) ?? -1));
  }

  function load(work: readonly Promise<boolean>[]): Promise<boolean> {
    const results = Promise.allSettled(work);
    loading = results
      .then((all) => all.every((result) => result.status === 'fulfilled' && result.value))
      .finally(() => {
        loading = null;
        onChange();
      });
    onChange();
    return loading;
  }

  return {
    older: () => loading ?? load(incompleteChannels().map((channel) => loadChannel(channel))),
    restore: (positions, oldest) =>
      load(
        [...oldest].map(([channel, from]) => {
          const id = positions.get(channel)?.id;
          return restoreChannel(channel, id ? formatEventId(idAfter(id, 1)) : afterAllEvents, from);
        }),
      ),
    state: () => ({ hasOlder: incompleteChannels().length > 0, isLoadingOlder: loading !== null }),
  };
}
