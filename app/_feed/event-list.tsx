'use client';

import { useWindowVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  memo,
  type RefObject,
  useCallback,
  useLayoutEffect,
  useRef,
  useState,
} from 'react';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './event-list.module.css';
import { EventRow, GapRow } from './event-row.tsx';

type EventListProps = {
  /** Newest first. */
  readonly entries: readonly FeedEntry[];
  /** Receives the element with the role `feed`. */
  readonly list: RefObject<HTMLDivElement | null>;
  /** Whether the reader's position must not move. */
  readonly isReading: boolean;
  /** Whether older events are being loaded. */
  readonly isBusy: boolean;
  /** Events the log keeps per channel; null if that is not known. */
  readonly retention: number | null;
  /** Whether an event has just arrived. */
  readonly isRecent: (event: FeedEvent) => boolean;
  readonly onOpen: (event: FeedEvent) => void;
};

/**
 * Events and gaps, newest on top, on a timeline that breaks where events are missing. Of a long list the page holds
 * only the rows near the visible part; spacers stand for the others.
 */
export const EventList = memo(function EventList(props: EventListProps) {
  const { entries, list, isReading, isBusy, retention, isRecent, onOpen } = props;
  const top = useRef<HTMLDivElement>(null);
  const rows = useVirtualRows(entries, top, isReading);
  useKeepFocus(list);
  useSlideIn(list, entries[0]?.key ?? '', isReading);
  return (
    <div className={styles.timeline}>
      <div ref={top} style={{ height: rows.abovePx }} />
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
          const row = { index, isTabStop: index === rows.tabStop, measure: rows.measure };
          return entry.kind === 'gap' ? (
            <GapRow {...row} gap={entry.gap} key={entry.key} retention={retention} />
          ) : (
            <EventRow
              {...row}
              event={entry.event}
              isRecent={isRecent(entry.event)}
              isSameTime={isSameSecond(entry, entries[index - 1])}
              key={entry.key}
              onOpen={onOpen}
            />
          );
        })}
      </div>
      <div style={{ height: rows.belowPx }} />
    </div>
  );
});

/**
 * The keys of a feed (WAI-ARIA Authoring Practices, "Feed"): Page Down and Page Up move the focus from article to
 * article. If the list itself has the focus because the focused article has left the page, they move to the tab stop.
 */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const step = event.key === 'PageDown' ? 1 : event.key === 'PageUp' ? -1 : 0;
  if (step === 0 || event.altKey || event.ctrlKey || event.metaKey) return;
  const articles = [...event.currentTarget.children];
  const focused = articles.findIndex((article) => article.contains(document.activeElement));
  const tabStop = articles.find((article) => article instanceof HTMLElement && article.tabIndex === 0);
  const next = focused === -1 ? tabStop : articles[focused + step];
  if (!(next instanceof HTMLElement)) return;
  event.preventDefault();
  next.focus();
}

/** Assumed height in px of a row that has not been rendered yet. */
const estimatedRowPx = 37;

/** Rows rendered beyond each end of the visible part. A burst of this many events enters the page whole. */
const overscan = 24;

/** Most rows before hydration: as many as the server renders. */
const maxServerRows = 50;

/** Visible rows that the sticky bars may cover. */
const coveredRows = 2;

type VirtualRows = {
  /** Index of the first entry in the page, and the index after the last one. */
  readonly from: number;
  readonly to: number;
  /** Height in px of the rows above and below these. */
  readonly abovePx: number;
  readonly belowPx: number;
  /** Index of the row where the Tab key enters the list. */
  readonly tabStop: number;
  /** Measures a row; for its `ref`. */
  readonly measure: (row: HTMLElement | null) => void;
};

/**
 * Chooses the entries that are in the page. On the server and until hydration it is all of them: the list is complete
 * without JavaScript, and each row is measured before any row leaves the page, so that nothing moves.
 * @param top the element whose top edge is the start of the rows.
 * @param isReading whether the visible rows must not move when entries are added above them.
 */
function useVirtualRows(
  entries: readonly FeedEntry[],
  top: RefObject<HTMLElement | null>,
  isReading: boolean,
): VirtualRows {
  const [isHydrated, setHydrated] = useState(false);
  const [topPx, setTopPx] = useState(0);
  const virtualizer = useWindowVirtualizer<HTMLElement>({
    count: entries.length,
    estimateSize: () => estimatedRowPx,
    getItemKey: useCallback((index: number) => entries[index]?.key ?? index, [entries]),
    overscan,
    scrollMargin: topPx,
    measureElement: measureHeight,
    // `end` keeps the visible rows where they are when rows are added above them. The threshold switches off the other
    // effect of `end`: to stay at the end of the list.
    anchorTo: isReading ? 'end' : 'start',
    scrollEndThreshold: Number.NEGATIVE_INFINITY,
  });
  const items = virtualizer.getVirtualItems();
  useLayoutEffect(() => {
    setHydrated(true);
    if (top.current !== null) setTopPx(Math.round(top.current.getBoundingClientRect().top + window.scrollY));
  });

  const [first] = items;
  const last = items.at(-1);
  const { measureElement: measure } = virtualizer;
  if (!isHydrated || first === undefined || last === undefined) {
    const to = Math.min(entries.length, maxServerRows);
    return { from: 0, to, abovePx: 0, belowPx: 0, tabStop: 0, measure };
  }
  const firstVisible = virtualizer.range?.startIndex ?? 0;
  return {
    from: first.index,
    to: last.index + 1,
    abovePx: Math.max(0, first.start - topPx),
    belowPx: Math.max(0, virtualizer.getTotalSize() + topPx - last.end),
    tabStop: firstVisible === 0 ? 0 : Math.min(firstVisible + coveredRows, last.index),
    measure,
  };
}

/** Whether both are events of one second. */
function isSameSecond(entry: FeedEntry, above: FeedEntry | undefined): boolean {
  if (entry.kind !== 'event' || above?.kind !== 'event') return false;
  return Math.floor(entry.event.time / 1_000) === Math.floor(above.event.time / 1_000);
}

/** The exact height. With rounded heights the list would drift by half a pixel per row. */
function measureHeight(row: HTMLElement, entry: ResizeObserverEntry | undefined): number {
  return entry?.borderBoxSize[0]?.blockSize ?? row.getBoundingClientRect().height;
}

/**
 * Keeps the focus in the list when the focused row leaves the page. The browser would move it to the start of the page,
 * far from the reader. The list itself takes it, without scrolling.
 */
function useKeepFocus(list: RefObject<HTMLElement | null>): void {
  const focused = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const { current: element } = list;
    if (element === null) return;
    const onFocusIn = ({ target }: FocusEvent) => {
      focused.current = target instanceof Element ? target : null;
    };
    const onFocusOut = ({ relatedTarget }: FocusEvent) => {
      if (relatedTarget !== null) focused.current = null;
    };
    element.addEventListener('focusin', onFocusIn);
    element.addEventListener('focusout', onFocusOut);
    return () => {
      element.removeEventListener('focusin', onFocusIn);
      element.removeEventListener('focusout', onFocusOut);
    };
  }, [list]);
  useLayoutEffect(() => {
    if (focused.current === null || focused.current.isConnected) return;
    focused.current = null;
    if (document.activeElement === document.body) list.current?.focus({ preventScroll: true });
  });
}

const slideMs = 240;

/** Farthest slide in px. The eye cannot follow a list that moves farther in this time. */
const maxSlidePx = 320;

/**
 * Slides new rows in from the top: the list starts where it was and moves down. Slides add up, so that a new one does
 * not cut off one that is running.
 * @param firstKey key of the newest entry. @param isReading the list must not move.
 */
function useSlideIn(list: RefObject<HTMLElement | null>, firstKey: string, isReading: boolean): void {
  const before = useRef<{ readonly key: string; readonly row: Element | null } | null>(null);
  useLayoutEffect(() => {
    const { current: element } = list;
    const previous = before.current;
    if (previous?.key === firstKey || element === null) return;
    before.current = { key: firstKey, row: element.firstElementChild };
    if (previous === null || isReading) return;
    if (!(previous.row instanceof HTMLElement) || !previous.row.isConnected) return;
    const [top] = element.children;
    const movedPx = previous.row.offsetTop - (top instanceof HTMLElement ? top.offsetTop : 0);
    if (movedPx <= 0 || movedPx > maxSlidePx) return;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    const from = { transform: `translateY(${-movedPx}px)` };
    element.animate([from, { transform: 'translateY(0)' }], {
      duration: slideMs,
      easing: 'cubic-bezier(0.2, 0, 0, 1)',
      composite: 'add',
    });
  }, [list, firstKey, isReading]);
}
