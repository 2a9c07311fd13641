'use client';

import { useEffect, useId, useRef, useState, useSyncExternalStore } from 'react';
import useSWR, { type SWRConfiguration } from 'swr';
import type { EventOf } from '../config/event-types.ts';
import type { Gap } from '../core/continuity.ts';
import { createFeed } from './feed.ts';
import type { Feed, FeedOptions, FeedSnapshot } from './feed-options.ts';
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
 * A live feed in a component. Holds no rule: the feed underneath knows no React.
 * On a server, and while hydrating, it shows `initial`. With `types`, an event's type says what its data is.
 */
export function useFeed<const T extends string = string>(options: UseFeedOptions<T> = {}): UseFeed<T> {
  const latest = useRef(options);
  const feed = useOneFeed(options, latest);
  const isEnabled = options.enabled !== false;
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    feed.setEnabled(isEnabled);
    return () => feed.setEnabled(false);
  }, [feed, isEnabled]);
  const snapshot = useSyncExternalStore(feed.subscribe, feed.getSnapshot, feed.getInitialSnapshot);
  usePolls(feed, snapshot.isPolling);
  return { ...snapshot, older: feed.older, retry: feed.retry };
}

/** The same feed for as long as it reads the same. Callbacks are looked up when they are called. */
function useOneFeed<T extends string>(
  options: UseFeedOptions<T>,
  latest: { readonly current: UseFeedOptions<T> },
): Feed<T> {
  const { url, channels, types, transport } = options;
  const key = JSON.stringify([url, channels, types, transport]);
  const make = () => ({
    key,
    feed: createFeed(
      {
        ...options,
        polls: 'caller',
        onEvent: (event) => latest.current.onEvent?.(event),
        onGap: (gap) => latest.current.onGap?.(gap),
        ...(options.getToken && { getToken: () => latest.current.getToken?.() ?? null }),
      },
      createTabShare,
    ),
  });
  const [held, setHeld] = useState(make);
  if (held.key === key) return held.feed;
  const next = make();
  setHeld(next);
  return next.feed;
}

/**
 * SWR drives the polls; the feed says when. The key is constant, the feed itself holds the cursor. Nothing here is
 * made anew by a render: SWR starts its timer over when it is.
 */
function usePolls(feed: Feed, isPolling: boolean): void {
  const id = useId();
  const [config] = useState(() => new WeakMap<Feed, SWRConfiguration>());
  const known = config.get(feed) ?? pollConfig(feed);
  config.set(feed, known);
  useSWR(isPolling ? ['steadfeed', id] : null, () => feed.poll(), known);
}

function pollConfig(feed: Feed): SWRConfiguration {
  return {
    // Never 0, which would end the polling for good.
    refreshInterval: () => feed.pollDelayMs(),
    // Below any interval: else a poll that is due would be taken for one just made.
    dedupingInterval: 0,
    refreshWhenHidden: true,
    refreshWhenOffline: true,
    revalidateOnFocus: false,
    revalidateOnReconnect: false,
    isPaused: () => false,
    onErrorRetry: (_error, _key, _config, revalidate, options) => {
      setTimeout(() => revalidate(options), feed.pollDelayMs());
    },
  };
}
