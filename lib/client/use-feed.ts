'use client';

import { useEffect, useMemo } from 'react';
import useSWR, { type Key, type Middleware, SWRConfig, type SWRConfiguration, type SWRResponse } from 'swr';
import { type PollDriver, type UseFeed, type UseFeedOptions, useFeedAndPolls } from './feed-hook.ts';
import { PollAnswer, type Polls } from './polls.ts';

export type { UseFeed, UseFeedOptions } from './feed-hook.ts';

/**
 * Reads a live feed in a component. The feed has all rules and knows no React. Where streams do not work, SWR polls for it.
 * On a server, and during hydration, it returns `initial`. With `types`, an event's type tells what its data is.
 */
export function useFeed<const T extends string = string>(options: UseFeedOptions<T> = {}): UseFeed<T> {
  const { feed, driver } = useFeedAndPolls(options);
  usePolls(driver);
  return feed;
}

/** Lets SWR poll for `useFeedAndPolls`. */
export function SwrPolls({ driver }: { readonly driver: PollDriver }): null {
  usePolls(driver);
  return null;
}

/**
 * Lets SWR poll: when a poll is due, and when the page is shown or online again. Components with the same key
 * share a poll: one of them sends it, and all their feeds apply the result. When `retryAt` changes, SWR sets its timer again.
 */
function usePolls({ polls, key, retryAt }: PollDriver): void {
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
