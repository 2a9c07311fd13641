import type { Clock } from '../core/clock.ts';
import { formatEventId } from '../core/ids.ts';
import type { FeedStore } from './feed-store.ts';
import { type FeedQuery, feedAddress } from './transport/http.ts';
import { readPage } from './transport/page.ts';

export type History = {
  /** Loads one page before the oldest event of each channel, one call at a time. @returns false when a request failed. */
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

/** Every event is before this id. */
const afterAllEvents = '9007199254740991-9007199254740991';

/** Time limit of one page of history, in ms. */
const timeoutMs = 15_000;

/** Reads backwards, page by page, into the store. It is independent of the connection and its cursor. */
export function createHistory({ query, clock, fetch, store, token, onChange }: HistoryOptions): History {
  /** Channels whose oldest event is in the store, and how many entries the store had dropped by then. */
  const complete = new Map<string, number>();
  let loading: Promise<boolean> | null = null;

  async function loadChannel(channel: string): Promise<boolean> {
    const oldest = store.oldest(channel);
    if (oldest === 'gone') {
      complete.set(channel, Number.POSITIVE_INFINITY);
      return true;
    }
    const before = oldest === 'none' ? afterAllEvents : formatEventId(oldest);
    const channels = [channel];
    const address = feedAddress({ ...query, channels }, 'events', { before, limit: 100 });
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort());
    const { signal } = timeout;
    const answer = await readPage({ address, token: await token(), channels, signal, fetch, now: clock.now });
    cancel();
    if (answer.kind !== 'page') return false;
    const events = answer.page.items.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
    const hasFit = store.prepend(channel, oldest, events) > 0 || events.length === 0;
    if (hasFit && !answer.page.more) complete.set(channel, store.dropped());
    return true;
  }

  /** A channel that was complete is incomplete again when the store has dropped entries since. */
  function incompleteChannels(): readonly string[] {
    return query.channels.filter((channel) => store.dropped() > (complete.get(channel) ?? -1));
  }

  async function load(): Promise<boolean> {
    const results = await Promise.allSettled(incompleteChannels().map(loadChannel));
    return results.every((result) => result.status === 'fulfilled' && result.value);
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
    state: () => ({ hasOlder: incompleteChannels().length > 0, isLoadingOlder: loading !== null }),
  };
}
