'use client';

import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { type PollDriver, useFeedAndPolls } from '../../lib/client/feed-hook.ts';
import type { FeedPage } from '../../lib/core/event.ts';
import { useConnectionHistory } from './connection-history.ts';
import { createFaultyFetch } from './faults/faulty-fetch.ts';
import { FeedView } from './feed-view.tsx';
import { NotLoaded } from './notices.tsx';
import { createRecord } from './ribbon/record.ts';
import { measureClockSkew } from './time.tsx';

/** Newest events kept in the page. Older ones that the reader loads are kept in addition. */
const limit = 20_000;

/** Shortest time between two renders of the list while events arrive, in ms. */
const throttleMs = 250;

/**
 * SWR starts the polls. Most visits never poll, so it is loaded when the first poll is due. Until then, and where it cannot
 * be loaded, the feed starts its polls itself.
 */
const SwrPolls = lazy(() =>
  import('../../lib/client/use-feed.ts').then(
    (file) => ({ default: file.SwrPolls }),
    () => ({ default: PollsAlone }),
  ),
);

function PollsAlone({ driver: { polls } }: { readonly driver: PollDriver }): null {
  useEffect(() => polls.driveAlone(), [polls]);
  return null;
}

/** A constant of the build: the bundler leaves code for development out of the page in production. */
const isDevelopment = process.env.NODE_ENV === 'development';

/** Loaded in development, and nowhere else. */
const FaultButtons = lazy(() =>
  import('./faults/fault-buttons.tsx').then((file) => ({ default: file.FaultButtons })),
);

/** Loaded where the page has the faults of the demo, and nowhere else. */
const BreakPanel = lazy(() =>
  import('./faults/break-panel.tsx').then(
    (file) => ({ default: file.BreakPanel }),
    () => ({ default: NotLoaded }),
  ),
);

/** The hosts that report, and the job of the demo; loaded like the faults. */
const StatePanel = lazy(() =>
  import('./state/state-panel.tsx').then(
    (file) => ({ default: file.StatePanel }),
    () => ({ default: NotLoaded }),
  ),
);

type FeedProps = {
  readonly channel: string;
  /** Whether it is shown on a wall: large, and without controls. */
  readonly isWall: boolean;
  /** The first `FeedPage` as JSON. */
  readonly initial: string;
  /** Unix time in ms at which the server rendered the page. */
  readonly renderedAt: number;
  /** Events the log keeps per channel. */
  readonly retention: number;
  /** Longest wait between two tries to stream again while polling, in ms. */
  readonly maxProbeMs: number;
  /** Whether the page runs behind the proxy of `npm run demo`, which makes faults. */
  readonly hasFaults: boolean;
  /** Whether the page shows the hosts that report: `npm run demo -- --report` sends them. */
  readonly hasHosts: boolean;
  /** Other channels that the menu offers. */
  readonly offeredChannels: readonly string[];
};

/** The feed of the page: the events that the server rendered, then all that follow their cursor. */
export function Feed({ channel, isWall, initial, renderedAt, retention, maxProbeMs, ...shown }: FeedProps) {
  const { hasFaults, hasHosts, offeredChannels } = shown;
  const [poll] = useState(() => (JSON.parse(initial) as FeedPage).poll);
  const [record] = useState(() => createRecord(() => performance.now()));
  const [skewMs] = useState(() =>
    typeof window === 'undefined' ? 0 : measureClockSkew(renderedAt, Date.now()),
  );
  const [faultyFetch] = useState(() =>
    isDevelopment ? createFaultyFetch((...request) => fetch(...request)) : null,
  );
  const [tracedFetch] = useState(() =>
    record.trace(faultyFetch?.fetch ?? ((...request) => fetch(...request))),
  );
  const { feed, driver } = useFeedAndPolls({
    channels: [channel],
    initial,
    limit,
    throttleMs,
    maxProbeMs,
    onEvent: (event) => record.addEvent(event, Date.now() - skewMs - event.time),
    onGap: (gap) => record.addGap(gap.missed),
    fetch: tracedFetch,
  });
  const { status, transport, role, handovers, reconnects, discontinuities, pollingReason } = feed;
  const gaps = useStableList(feed.gaps);
  const reason = feed.problem?.detail ?? null;
  const connection = useMemo(
    () => ({ status, transport, role, handovers, reconnects, discontinuities, gaps, reason, pollingReason }),
    [status, transport, role, handovers, reconnects, discontinuities, gaps, reason, pollingReason],
  );
  const history = useConnectionHistory(connection);
  useEffect(() => record.addStatus(status, role === 'follower'), [record, status, role]);
  useEffect(() => {
    const { events } = JSON.parse(initial) as FeedPage;
    for (const event of events) record.addRendered(event, Date.now() - skewMs - event.time);
  }, [record, initial, skewMs]);
  const { entries: oldestFirst, cursor } = feed;
  const entries = useMemo(() => oldestFirst.toReversed(), [oldestFirst]);
  const sidePanels = useMemo(() => {
    if (isDevelopment && faultyFetch) {
      return (
        <Suspense>
          <FaultButtons faultyFetch={faultyFetch} />
        </Suspense>
      );
    }
    return (
      <>
        {hasFaults && (
          <Suspense>
            <BreakPanel channel={channel} entries={entries} />
          </Suspense>
        )}
        {hasHosts && (
          <Suspense>
            <StatePanel />
          </Suspense>
        )}
      </>
    );
  }, [faultyFetch, hasFaults, hasHosts, channel, entries]);
  return (
    <>
      {driver.key !== null && (
        <Suspense fallback={<PollsAlone driver={driver} />}>
          <SwrPolls driver={driver} />
        </Suspense>
      )}
      <FeedView
        channel={channel}
        connection={connection}
        cursor={cursor}
        entries={entries}
        hasOlder={feed.hasOlder}
        history={history}
        isLoadingOlder={feed.isLoadingOlder}
        isWall={isWall}
        loadOlder={feed.older}
        offeredChannels={offeredChannels}
        onRetry={feed.retry}
        poll={poll}
        record={record}
        renderedAt={renderedAt}
        retention={retention}
        retryAt={feed.retryAt}
        sidePanels={sidePanels}
        skewMs={skewMs}
      />
    </>
  );
}

/** `list`, but the previous array while the items are the same. */
function useStableList<T>(list: readonly T[]): readonly T[] {
  const [stable, setStable] = useState(list);
  if (stable === list) return stable;
  const isSame = stable.length === list.length && stable.every((item, index) => item === list[index]);
  if (isSame) return stable;
  setStable(list);
  return list;
}
