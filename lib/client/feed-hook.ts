'use client';

import { useEffect, useId, useRef, useState, useSyncExternalStore } from 'react';
import { createFeed } from './feed.ts';
import type { Feed, FeedOptions, FeedSnapshot } from './feed-options.ts';
import { createPolls, type Polls } from './polls.ts';
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
  | 'throttleMs'
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

/** What starts the polls of a feed, for as long as it polls. */
export type PollDriver = {
  readonly polls: Polls;
  /** Components with the same key share one poll. Null: the feed does not poll now. */
  readonly key: readonly string[] | null;
  /** Unix time in ms of the next attempt after a failed poll. */
  readonly retryAt: number | null;
};

/**
 * Like `useFeed`, but it does not start polls: the component must do that with `driver`. An app that wants no SWR in its first
 * script loads `SwrPolls` of `use-feed.ts` when `driver.key` is not null.
 */
export function useFeedAndPolls<const T extends string = string>(
  options: UseFeedOptions<T>,
): { readonly feed: UseFeed<T>; readonly driver: PollDriver } {
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
  return {
    feed: { ...snapshot, older: feed.older, retry: feed.retry },
    driver: {
      polls,
      key: snapshot.isPolling ? ['steadfeed', ...pollKey] : null,
      retryAt: snapshot.retryAt,
    },
  };
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
