'use client';

import type { KeyboardEvent } from 'react';
import type { FeedEntry } from '../../lib/client/feed-entry.ts';
import styles from './event-list.module.css';
import { EventRow } from './event-row.tsx';
import { GapRow } from './gap-row.tsx';

export type EventListProps = {
  /** Newest first. */
  readonly entries: readonly FeedEntry[];
  /** Keys of the entries the page began with. */
  readonly firstKeys: ReadonlySet<string>;
  /** Events the log keeps per channel; null where that is not known. */
  readonly retention: number | null;
};

/** The events and gaps, newest on top, on one line that breaks where events are missing. */
export function EventList({ entries, firstKeys, retention }: EventListProps) {
  return (
    <div aria-label="Events, newest first" className={styles.list} onKeyDown={moveFocus} role="feed">
      {entries.map((entry, index) =>
        entry.kind === 'gap' ? (
          <GapRow gap={entry.gap} isFirst={index === 0} key={entry.key} retention={retention} />
        ) : (
          <EventRow
            event={entry.event}
            isFirst={index === 0}
            isFresh={!firstKeys.has(entry.key)}
            key={entry.key}
          />
        ),
      )}
    </div>
  );
}

/** The keys of a feed (WAI-ARIA Authoring Practices, "Feed"): Page Down and Page Up go from article to article. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = event.key === 'PageDown' ? 1 : event.key === 'PageUp' ? -1 : 0;
  if (step === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const articles = [...event.currentTarget.children];
  const here = articles.findIndex((article) => article.contains(document.activeElement));
  const next = articles[here + step];
  if (!(next instanceof HTMLElement)) return;
  event.preventDefault();
  next.focus();
}
