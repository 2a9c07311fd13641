'use client';

import { useEffect, useId, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import useSWR, { type Key, type Middleware, SWRConfig, type SWRConfiguration, type SWRResponse } from 'swr';
import { createFeed } from './feed.ts';
import type { Feed, FeedOptions, FeedSnapshot } from './feed-options.ts';
import { createPolls, PollAnswer, type Polls } from './polls.ts';
import { createTabShare } from './tabs/share.ts';

/**
 * The options of `useFeed`. A change of `url`, `channels`, `types` or `transport` starts a new feed. `enabled` and the
 * callbacks are those of the latest render. The others count when a feed starts.
 */
export type UseFeedOptions<T extends string = string> = Pick<
  FeedOptions<T>,
  | 'url'
  | 'channels'
  | 'types'
  | 'initial'
  | 'after'
  | 'rewind'
  | 'persist'
  | 'limit'
  | 'onEvent'
  | 'onEvents'
  | 'onGap'
  | 'onStatus'
  | 'enabled'
  | 'transport'
  | 'getToken'
  | 'share'
  | 'hiddenMs'
  | 'maxProbeMs'
  | 'fetch'
>;

/** A feed's snapshot, and the actions of its user. */
export type UseFeed<T extends string = string> = FeedSnapshot<T> & Pick<Feed, 'older' | 'retry'>;

/**
 * Reads a live feed in a component. The feed has all rules and knows no React. Where streams do not work, SWR polls for it.
 * On a server, and during hydration, it returns `initial`. With `types`, an event's type tells what its data is.
 */
export function useFeed<const T extends string = string>(options: UseFeedOptions<T> = {}): UseFeed<T> {
  const latest = useRef(options);
  const { feed, polls, key } = useOneFeed(options, latest);
  const isEnabled = options.enabled !== false;
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    feed.setEnabled(isEnabled);
    return () => feed.setEnabled(false);
  }, [feed, isEnabled]);
  const snapshot = useSyncExternalStore(feed.subscribe, feed.getSnapshot, feed.getInitialSnapshot);
  const id = useId();
  // With a token or its own `fetch`, a component may read events that other components must not get.
  const pollKey = options.getToken || options.fetch ? [key, id] : [key];
  usePolls(polls, snapshot.isPolling ? ['steadfeed', ...pollKey] : null, snapshot.retryAt);
  return { ...snapshot, older: feed.older, retry: feed.retry };
}

type OneFeed<T extends string> = { readonly key: string; readonly feed: Feed<T>; readonly polls: Polls };

/** Returns the same feed until one of the options in its key changes. The feed calls the callbacks of the latest render. */
function useOneFeed<T extends string>(
  options: UseFeedOptions<T>,
  latest: { readonly current: UseFeedOptions<T> },
): OneFeed<T> {
  const { url, channels, types, transport } = options;
  const key = JSON.stringify([url, channels, types, transport]);
  const make = () => {
    const feedOptions: FeedOptions<T> = {
      ...options,
      onEvent: (event) => latest.current.onEvent?.(event),
      onEvents: (events) => latest.current.onEvents?.(events),
      onGap: (gap) => latest.current.onGap?.(gap),
      onStatus: (...status) => latest.current.onStatus?.(...status),
      ...(options.getToken && { getToken: () => latest.current.getToken?.() ?? null }),
    };
    const feed = createFeed(feedOptions, createTabShare, true);
    return { key, feed, polls: createPolls(feed.pollHost) };
  };
  const [current, setCurrent] = useState(make);
  if (current.key === key) return current;
  const next = make();
  setCurrent(next);
  return next;
}

/**
 * Lets SWR poll: when a poll is due, and when the page is shown or online again. Of the components with the same key one
 * asks at a time, and all their feeds take the answer.
 * @param key null: the feed does not poll now.
 * @param retryAt time of the next attempt after a failed poll. When it changes, SWR sets its timer again.
 */
function usePolls(polls: Polls, key: readonly string[] | null, retryAt: number | null): void {
  const config = useMemo(() => pollConfig(polls, retryAt), [polls, retryAt]);
  const swr = useOwnSWR(key, polls.ask, config);
  const answer = swr?.data;
  useEffect(() => {
    if (answer instanceof PollAnswer) polls.take(answer);
  }, [polls, answer]);
  const isWithoutSWR = swr === null && key !== null;
  useEffect(() => (isWithoutSWR ? polls.driveAlone() : undefined), [polls, isWithoutSWR]);
}

/**
 * `useSWR` as if the app had no `SWRConfig`. An app sets its options for its own requests. With them SWR could suspend the
 * component, pause, or lose the answers, and SWR has no call without them. So SWR calls the feed's middleware last, and it
 * goes on with the feed's own key, fetcher and options. The app's middleware gets no key, as from a hook that does not fetch.
 * @returns null where the app's middleware does not call the next one.
 */
function useOwnSWR(
  key: Key,
  fetcher: () => Promise<unknown>,
  config: SWRConfiguration<unknown>,
): Pick<SWRResponse<unknown>, 'data'> | null {
  let own: SWRResponse<unknown> | null = null;
  const last = ((useNext) => () => {
    own = useNext(key, fetcher, { ...swrDefaults, ...config });
    return own;
  }) as Middleware;
  useSWR(null, null, { use: [last] });
  return own;
}

/** SWR's own options, as for an app that sets none. SWR takes `cacheData` from the app alone. */
const { cacheData: _, ...swrDefaults } = SWRConfig.defaultValue;

/** The options that differ from SWR's defaults. */
function pollConfig(polls: Polls, _retryAt: number | null): SWRConfiguration {
  return {
    // SWR sets its timer again when this function is a new one. 0 would end the polling; `dueInMs` never returns it.
    refreshInterval: () => polls.dueInMs(),
    // The feed decides whether a page that is hidden or offline polls.
    refreshWhenHidden: true,
    refreshWhenOffline: true,
    // No trigger needs a limit: the feed polls only when a poll is due.
    dedupingInterval: 0,
    focusThrottleInterval: 0,
    revalidateOnMount: true,
    // Two answers with the same content are still two answers.
    compare: Object.is,
  };
}
