'use client';

import type { FeedEntry } from '../../lib/client/feed-entry.ts';
import type { FeedStatus } from '../../lib/client/feed-status.ts';
import type { PollAdvice } from '../../lib/core/feed-page.ts';
import { Counters } from './counters.tsx';
import { EmptyFeed } from './empty-feed.tsx';
import { EventList } from './event-list.tsx';
import styles from './feed-view.module.css';
import { countText } from './figures.ts';
import { Masthead } from './masthead.tsx';
import { StatusPill } from './status-pill.tsx';
import { statusWords } from './status-words.ts';

export type FeedViewProps = {
  readonly channel: string;
  /** Events and gaps, newest first. */
  readonly entries: readonly FeedEntry[];
  /** Keys of the entries the page began with. */
  readonly firstKeys: ReadonlySet<string>;
  /** Events the log keeps per channel; null where that is not known. */
  readonly retention: number | null;
  readonly status: FeedStatus;
  /** What the server said when it refused; null where nothing was said. */
  readonly reason: string | null;
  /** How the server wants to be polled. */
  readonly poll: PollAdvice;
  /** Unix time in ms of the next try; null while none is waited for. */
  readonly retryAt: number | null;
  readonly handovers: number;
  readonly cursor: string | null;
  readonly transport: 'stream' | 'poll' | null;
  readonly onRetry: () => void;
};

/** The look of the feed page. It does not know where its events come from. */
export function FeedView(props: FeedViewProps) {
  const { channel, entries, firstKeys, retention, status, reason, retryAt, onRetry } = props;
  const words = statusWords(status, reason, props.poll);
  const shown = entries.filter((entry) => entry.kind === 'event').length;
  return (
    <div className={styles.page} data-tone={words.tone}>
      <Masthead channel={channel}>
        <StatusPill
          onRetry={onRetry}
          retry={status === 'waiting' || status === 'stopped' ? status : null}
          retryAt={retryAt}
          words={words}
        />
        <noscript>
          <p>
            Without JavaScript this list does not update by itself. <a href="/">Reload it</a>
          </p>
        </noscript>
      </Masthead>
      <main className={styles.main}>
        <Counters
          cursor={props.cursor}
          handovers={props.handovers}
          shown={shown}
          transport={props.transport}
        />
        {entries.length === 0 ? (
          <EmptyFeed />
        ) : (
          <EventList entries={entries} firstKeys={firstKeys} retention={retention} />
        )}
      </main>
      <footer className={styles.footer}>
        {retention !== null && `The log keeps the last ${countText(retention)} events of each channel.`}
      </footer>
    </div>
  );
}
