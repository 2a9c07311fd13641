'use client';

import { useEffect, useId, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import useSWR, { type SWRConfiguration } from 'swr';
import type { EventOf } from '../config/event-types.ts';
import type { Gap } from '../core/continuity.ts';
import { createFeed } from './feed.ts';
import type { Feed, FeedOptions, FeedSnapshot } from './feed-options.ts';
import { createPolls, PollAnswer, type Polls } from './polls.ts';
import { createTabShare } from './tabs/share.ts';

/** What `useFeed` reads; of these only a change of `url`, `channels` or `types` begins another feed. */
export type UseFeedOptions<T extends string = string> = Pick<
  FeedOptions<T>,
  | 'url'
  | 'channels'
  | 'types'
  | 'initial'
  | 'limit'
  | 'transport'
  | 'enabled'
  | 'share'
  | 'getToken'
  | 'hiddenMs'
  | 'maxProbeMs'
  | 'fetch'
> & {
  readonly onEvent?: (event: EventOf<T>) => void;
  readonly onGap?: (gap: Gap) => void;
};

/** A feed's snapshot, and what a reader can do. */
export type UseFeed<T extends string = string> = FeedSnapshot<T> & Pick<Feed, 'older' | 'retry'>;

/**
 * A live feed in a component. The rules are in the feed, which knows no React; SWR polls for it where streams do not work.
 * On a server, and while hydrating, it shows `initial`. With `types`, an event's type says what its data is.
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
  // A token or a `fetch` of its own may let a component read what others may not.
  const pollKey = options.getToken || options.fetch ? [key, id] : [key];
  usePolls(polls, snapshot.isPolling ? ['steadfeed', ...pollKey] : null, snapshot.retryAt);
  return { ...snapshot, older: feed.older, retry: feed.retry };
}

type OneFeed<T extends string> = { readonly key: string; readonly feed: Feed<T>; readonly polls: Polls };

/** The same feed for as long as it reads the same. Callbacks are looked up when they are called. */
function useOneFeed<T extends string>(
  options: UseFeedOptions<T>,
  latest: { readonly current: UseFeedOptions<T> },
): OneFeed<T> {
  const { url, channels, types, transport } = options;
  const key = JSON.stringify([url, channels, types, transport]);
  const make = () => {
    const current: FeedOptions<T> = {
      ...options,
      onEvent: (event) => latest.current.onEvent?.(event),
      onGap: (gap) => latest.current.onGap?.(gap),
      ...(options.getToken && { getToken: () => latest.current.getToken?.() ?? null }),
    };
    const feed = createFeed(current, createTabShare, true);
    return { key, feed, polls: createPolls(feed.pollHost) };
  };
  const [held, setHeld] = useState(make);
  if (held.key === key) return held;
  const next = make();
  setHeld(next);
  return next;
}

/**
 * SWR polls: at the times that the server and the feed's rules name, and when the page is shown or online again. Of
 * components with the same key one asks at a time, and every feed takes the answer.
 * @param key null: no polling now.
 * @param retryAt when a poll that failed is tried again: SWR looks at the time anew where it changes.
 */
function usePolls(polls: Polls, key: readonly string[] | null, retryAt: number | null): void {
  const config = useMemo(() => pollConfig(polls, retryAt), [polls, retryAt]);
  const { data: answer } = useSWR(key, polls.ask, config);
  useEffect(() => {
    if (answer instanceof PollAnswer) polls.take(answer);
  }, [polls, answer]);
}

/** Every setting by which an app's own `SWRConfig` could stop the polls, or suspend the component, has its value here. */
function pollConfig(polls: Polls, _retryAt: number | null): SWRConfiguration {
  return {
    // A function that is made anew starts SWR's timer anew. It never returns 0, which would end the polling.
    refreshInterval: () => polls.dueInMs(),
    // The feed itself decides what a hidden page and one without network do.
    refreshWhenHidden: true,
    refreshWhenOffline: true,
    // The feed knows which polls are due: no trigger makes one too many.
    dedupingInterval: 0,
    focusThrottleInterval: 0,
    revalidateOnFocus: true,
    revalidateOnReconnect: true,
    revalidateOnMount: true,
    isPaused: () => false,
    suspense: false,
    // An answer is new even where it says the same.
    compare: Object.is,
  };
}
