'use client';

import { useCallback, useEffect, useId, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { createLatest, type Latest, type LatestOptions, type LatestSnapshot } from './connect-latest.ts';

/**
 * The options of `useLatest`. A change of `url`, `channel`, `types`, `transport` or `share` starts anew. `enabled` and `getToken`
 * are those of the latest render. The others count when reading starts.
 */
export type UseLatestOptions<T extends string = string> = Pick<
  LatestOptions<T>,
  | 'url'
  | 'channel'
  | 'types'
  | 'initial'
  | 'enabled'
  | 'transport'
  | 'getToken'
  | 'share'
  | 'hiddenMs'
  | 'maxProbeMs'
  | 'fetch'
>;

/** The state of a channel, and the action of its user. */
export type UseLatest<T extends string = string> = LatestSnapshot<T> & Pick<Latest, 'retry'>;

/**
 * Reads the latest event of each subject of a channel in a component, and keeps them up to date. Components that read the
 * same share one reader. On a server, and during hydration, it returns `initial`. With `types`, an event's type tells what its
 * data is.
 */
export function useLatest<const T extends string = string>(options: UseLatestOptions<T> = {}): UseLatest<T> {
  const current = useRef(options);
  useEffect(() => {
    current.current = options;
  });
  const { key, own } = useOwn(options, current);
  const isEnabled = options.enabled !== false;
  const subscribe = useCallback(
    (listener: () => void) => (isEnabled ? join(key, own, listener) : own.subscribe(listener)),
    [key, own, isEnabled],
  );
  // The key has the types, so all hooks with this key read the same events.
  const shared = useCallback(() => (readers.get(key)?.latest ?? own) as Latest<T>, [key, own]);
  const snapshot = useSyncExternalStore(
    subscribe,
    useCallback(() => shared().getSnapshot(), [shared]),
    own.getInitialSnapshot,
  );
  return useMemo(() => ({ ...snapshot, retry: () => shared().retry() }), [snapshot, shared]);
}

/** Returns the same reader until one of the options in its key changes. It reads nothing before a component has joined it. */
function useOwn<T extends string>(
  options: UseLatestOptions<T>,
  current: { readonly current: UseLatestOptions<T> },
): { readonly key: string; readonly own: Latest<T> } {
  const id = useId();
  const { url, channel, types, transport, share } = options;
  // With a token or its own `fetch`, a component may read what other components must not get.
  const isPrivate = options.getToken !== undefined || options.fetch !== undefined;
  const key = JSON.stringify([url, channel, types, transport, share, isPrivate ? id : null]);
  const make = () => {
    const getToken = options.getToken && { getToken: () => current.current.getToken?.() ?? null };
    return { key, own: createLatest<T>({ ...options, ...getToken }) };
  };
  const [kept, setKept] = useState(make);
  if (kept.key === key) return kept;
  const next = make();
  setKept(next);
  return next;
}

/** The readers of this page, by key, and how many components each of them has. A server renders without effects: it has none. */
const readers = new Map<
  string,
  { readonly latest: Pick<Latest, 'subscribe' | 'setEnabled'>; users: number }
>();

/** Reads with the page's reader, or makes `own` that reader. @returns a function that ends it. */
function join(key: string, own: Pick<Latest, 'subscribe' | 'setEnabled'>, listener: () => void): () => void {
  const reader = readers.get(key) ?? { latest: own, users: 0 };
  readers.set(key, reader);
  const end = reader.latest.subscribe(listener);
  reader.users += 1;
  if (reader.users === 1) reader.latest.setEnabled(true);
  return () => {
    end();
    reader.users -= 1;
    if (reader.users > 0) return;
    readers.delete(key);
    reader.latest.setEnabled(false);
  };
}
