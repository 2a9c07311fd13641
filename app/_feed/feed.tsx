'use client';

import { useEffect, useMemo, useRef, useState } from 'react';
import { useFeed } from '../../lib/client/use-feed.ts';
import type { FeedPage } from '../../lib/core/event.ts';
import { createPulse } from './activity.tsx';
import { useFeedLife } from './connection-panel.tsx';
import { createDisturbedFetch, DisturbButtons } from './fault-injection.tsx';
import { FeedView } from './feed-view.tsx';
import { skewOf } from './time.tsx';

/** Events kept in the page, the newest; what a reader loads of older ones comes on top. */
const limit = 20_000;

/** Shortest time between two renderings of the list, in ms. */
const paceMs = 100;

/** Only in development: the bundler leaves it out of any other build. */
const isDevelopment = process.env.NODE_ENV === 'development';

type FeedProps = {
  readonly channel: string;
  /** The first `FeedPage` as JSON: as text every value of an event reaches the browser unchanged, however deep. */
  readonly firstPage: string;
  /** Unix time in ms at which the server rendered it. */
  readonly renderedAt: number;
  /** Events the log keeps per channel. */
  readonly retention: number;
  /** Longest wait between two tries to stream again while polling, in ms. */
  readonly maxProbeMs: number;
};

/** The feed page: the events the server rendered, and from their cursor on whatever comes. */
export function Feed({ channel, firstPage, renderedAt, retention, maxProbeMs }: FeedProps) {
  const [initial] = useState((): FeedPage => JSON.parse(firstPage));
  const [pulse] = useState(() => createPulse(() => performance.now()));
  const [skewMs] = useState(() => (typeof window === 'undefined' ? 0 : skewOf(renderedAt, Date.now())));
  const [disturbed] = useState(() =>
    isDevelopment ? createDisturbedFetch((...asked) => fetch(...asked)) : null,
  );
  const feed = useFeed({
    channels: [channel],
    initial,
    limit,
    maxProbeMs,
    onEvent: (event) => pulse.note(event, Date.now() - skewMs - event.time),
    ...(disturbed && { fetch: disturbed.fetch }),
  });
  const { status, transport, role, handovers, reconnects, holes } = feed;
  const gaps = useSameList(feed.gaps);
  const reason = feed.problem?.detail ?? null;
  const moment = useMemo(
    () => ({ status, transport, role, handovers, reconnects, holes, gaps, reason }),
    [status, transport, role, handovers, reconnects, holes, gaps, reason],
  );
  const life = useFeedLife(moment);
  const held = usePaced(feed.entries, paceMs);
  const cursor = usePaced(feed.cursor, paceMs);
  const entries = useMemo(() => held.toReversed(), [held]);
  const disturb = useMemo(() => disturbed && <DisturbButtons disturbed={disturbed} />, [disturbed]);
  return (
    <FeedView
      channel={channel}
      cursor={cursor}
      disturb={disturb}
      entries={entries}
      hasOlder={feed.hasOlder}
      isLoadingOlder={feed.isLoadingOlder}
      life={life}
      loadOlder={feed.older}
      moment={moment}
      onRetry={feed.retry}
      poll={initial.poll}
      pulse={pulse}
      retention={retention}
      retryAt={feed.retryAt}
      skewMs={skewMs}
    />
  );
}

/**
 * `value`, renewed at once after a quiet time and then at most every `everyMs`: a list is rendered ten times a second
 * however many events arrive.
 */
function usePaced<T>(value: T, everyMs: number): T {
  const [shown, setShown] = useState(value);
  const renewedAt = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    const renew = () => {
      renewedAt.current = performance.now();
      setShown(value);
    };
    const waitMs = renewedAt.current + everyMs - performance.now();
    const timer = setTimeout(renew, Math.max(0, waitMs));
    return () => clearTimeout(timer);
  }, [value, everyMs]);
  return shown;
}

/** `list`, but the same object for as long as it holds the same. */
function useSameList<T>(list: readonly T[]): readonly T[] {
  const [kept, setKept] = useState(list);
  if (kept === list) return kept;
  const isSame = kept.length === list.length && kept.every((item, index) => item === list[index]);
  if (isSame) return kept;
  setKept(list);
  return list;
}
