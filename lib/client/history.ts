import type { Clock } from '../core/clock.ts';
import { formatEventId } from '../core/event-id.ts';
import { type FeedQuery, feedAddress } from './feed-request.ts';
import type { FeedStore } from './feed-store.ts';
import { readPage } from './read-page.ts';

export type History = {
  /** Loads one page ahead of the oldest event held, of each channel. One at a time. @returns false when it failed. */
  older(): Promise<boolean>;
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

/** Ahead of this id stands all there is. */
const beyondAll = '9007199254740991-9007199254740991';

/** Longest wait for a page of history, in ms. */
const timeoutMs = 15_000;

/** Reads backwards, page by page, into the store. It has nothing to do with the live reading, nor its cursor. */
export function createHistory({ query, clock, fetch, store, token, onChange }: HistoryOptions): History {
  const open = new Set(query.channels);
  let loading: Promise<boolean> | null = null;

  async function loadChannel(channel: string): Promise<boolean> {
    const oldest = store.oldest(channel);
    if (oldest === 'gone') return open.delete(channel);
    const before = oldest === 'none' ? beyondAll : formatEventId(oldest);
    const channels = [channel];
    const address = feedAddress({ ...query, channels }, 'events', { before, limit: 100 });
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort());
    const { signal } = timeout;
    const answer = await readPage({ address, token: await token(), channels, signal, fetch, now: clock.now });
    cancel();
    if (answer.kind !== 'page') return false;
    const events = answer.page.items.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
    store.prepend(channel, events);
    if (!answer.page.more) open.delete(channel);
    return true;
  }

  async function load(): Promise<boolean> {
    const answers = await Promise.allSettled([...open].map(loadChannel));
    return answers.every((answer) => answer.status === 'fulfilled' && answer.value);
  }

  return {
    older() {
      loading ??= load().finally(() => {
        loading = null;
        onChange();
      });
      onChange();
      return loading;
    },
    state: () => ({ hasOlder: open.size > 0, isLoadingOlder: loading !== null }),
  };
}
