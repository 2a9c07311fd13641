'use client';

import { type KeyboardEvent, memo, type RefObject, useRef } from 'react';
import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './event-list.module.css';
import { EventRow } from './event-row.tsx';
import { GapRow } from './gap-row.tsx';
import { useKeptFocus } from './use-kept-focus.ts';
import { useSlideIn } from './use-slide-in.ts';
import { useVirtualRows } from './use-virtual-rows.ts';

export type EventListProps = {
  /** Newest first. */
  readonly entries: readonly FeedEntry[];
  /** The element with the role `feed`, for whoever has to know whether it is being read. */
  readonly list: RefObject<HTMLDivElement | null>;
  /** Whether what is being read keeps its place. */
  readonly isHeld: boolean;
  /** Whether older events are being loaded. */
  readonly isBusy: boolean;
  /** Events the log keeps per channel; null where that is not known. */
  readonly retention: number | null;
  /** Whether an event has just come. */
  readonly isFresh: (event: FeedEvent) => boolean;
  readonly onOpen: (event: FeedEvent) => void;
};

/**
 * The events and gaps, newest on top, on one line that breaks where events are missing. Of a long list only what is
 * near the visible part is in the page; the rest is empty space of the same height.
 */
export const EventList = memo(function EventList(props: EventListProps) {
  const { entries, list, isHeld, isBusy, retention, isFresh, onOpen } = props;
  const top = useRef<HTMLDivElement>(null);
  const rows = useVirtualRows(entries, top, isHeld);
  useKeptFocus(list);
  useSlideIn(list, entries[0]?.key ?? '', isHeld);
  return (
    <div className={styles.track}>
      <div className={styles.space} ref={top} style={{ height: rows.abovePx }} />
      <div
        aria-busy={isBusy}
        aria-label="Events, newest first"
        className={styles.list}
        onKeyDown={moveFocus}
        ref={list}
        role="feed"
        tabIndex={-1}
      >
        {entries.slice(rows.from, rows.to).map((entry, offset) => {
          const index = rows.from + offset;
          const place = {
            index,
            isEntrance: index === rows.entrance,
            isNewest: index === 0,
            measure: rows.measure,
          };
          return entry.kind === 'gap' ? (
            <GapRow {...place} gap={entry.gap} key={entry.key} retention={retention} />
          ) : (
            <EventRow
              {...place}
              event={entry.event}
              isFresh={isFresh(entry.event)}
              key={entry.key}
              onOpen={onOpen}
            />
          );
        })}
      </div>
      <div className={styles.space} style={{ height: rows.belowPx }} />
    </div>
  );
});

/**
 * The keys of a feed (WAI-ARIA Authoring Practices, "Feed"): Page Down and Page Up go from article to article; from the
 * list itself, which has the focus when the article that had it is gone, to the one where the Tab key enters.
 */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = event.key === 'PageDown' ? 1 : event.key === 'PageUp' ? -1 : 0;
  if (step === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const articles = [...event.currentTarget.children];
  const here = articles.findIndex((article) => article.contains(document.activeElement));
  const entrance = articles.find((article) => article instanceof HTMLElement && article.tabIndex === 0);
  const next = here === -1 ? entrance : articles[here + step];
  if (!(next instanceof HTMLElement)) return;
  event.preventDefault();
  next.focus();
}
