import type { Clock } from '../core/clock.ts';
import { formatEventId } from '../core/ids.ts';
import type { FeedStore } from './feed-store.ts';
import { type FeedQuery, feedAddress } from './transport/http.ts';
import { readPage } from './transport/page.ts';

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
  /** Channels whose oldest event is held, and what the store had dropped by then. */
  const whole = new Map<string, number>();
  let loading: Promise<boolean> | null = null;

  async function loadChannel(channel: string): Promise<boolean> {
    const oldest = store.oldest(channel);
    if (oldest === 'gone') {
      whole.set(channel, Number.POSITIVE_INFINITY);
      return true;
    }
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
    const isFitting = store.prepend(channel, oldest, events) > 0 || events.length === 0;
    if (isFitting && !answer.page.more) whole.set(channel, store.dropped());
    return true;
  }

  /** A channel that was whole is open again when the store has dropped entries since. */
  function openChannels(): readonly string[] {
    return query.channels.filter((channel) => store.dropped() > (whole.get(channel) ?? -1));
  }

  async function load(): Promise<boolean> {
    const answers = await Promise.allSettled(openChannels().map(loadChannel));
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
    state: () => ({ hasOlder: openChannels().length > 0, isLoadingOlder: loading !== null }),
  };
}
