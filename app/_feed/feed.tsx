'use client';

import { useMemo, useState } from 'react';
import { useFeed } from '../../lib/client/use-feed.ts';
import type { FeedPage } from '../../lib/core/feed-page.ts';
import { FeedView } from './feed-view.tsx';

/** Entries kept in the page, the newest. */
const limit = 500;

export type FeedProps = {
  readonly channel: string;
  /** The first `FeedPage` as JSON: as text every value of an event reaches the browser unchanged, however deep. */
  readonly firstPage: string;
  /** Events the log keeps per channel. */
  readonly retention: number;
  /** Longest wait between two tries to stream again while polling, in ms. */
  readonly maxProbeMs: number;
};

/** The feed page: the events the server rendered, and from their cursor on whatever comes. */
export function Feed({ channel, firstPage, retention, maxProbeMs }: FeedProps) {
  const [initial] = useState((): FeedPage => JSON.parse(firstPage));
  const feed = useFeed({ channels: [channel], initial, limit, maxProbeMs });
  const entries = useMemo(() => feed.entries.toReversed(), [feed.entries]);
  const [firstKeys] = useState(() => new Set(entries.map((entry) => entry.key)));
  return (
    <FeedView
      channel={channel}
      cursor={feed.cursor}
      entries={entries}
      firstKeys={firstKeys}
      handovers={feed.handovers}
      onRetry={feed.retry}
      poll={initial.poll}
      reason={feed.problem?.detail ?? null}
      retention={retention}
      retryAt={feed.retryAt}
      status={feed.status}
      transport={feed.transport}
    />
  );
}
