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
import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './event-list.module.css';
import { EventRow, GapRow } from './event-row.tsx';

type EventListProps = {
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

/** Height in px of a row that was never shown. */
const estimatePx = 64;

/** Rows kept ready on either side of what is visible, so that a burst of as many is put into the page whole. */
const overscan = 24;

/** Most rows before the list has come to life: as many as a server renders. */
const firstRows = 50;

/** Rows the sticky bars cover. */
const coveredRows = 2;

type VirtualRows = {
  /** Indexes of the entries that are in the page: from, and up to but without. */
  readonly from: number;
  readonly to: number;
  /** Height in px of what stands ahead of and behind them. */
  readonly abovePx: number;
  readonly belowPx: number;
  /** The entry where the Tab key enters the list. */
  readonly entrance: number;
  /** Measures a row; for its `ref`. */
  readonly measure: (row: HTMLElement | null) => void;
};

/**
 * Which entries are in the page. Where it is rendered on a server, and while it comes to life, all of them: the list is
 * whole without scripts, and every row has been measured before any is taken out, so that nothing moves.
 * @param top the element at whose upper edge the rows begin.
 * @param isHeld whether what is being read keeps its place when entries come above it.
 */
function useVirtualRows(
  entries: readonly FeedEntry[],
  top: RefObject<HTMLElement | null>,
  isHeld: boolean,
): VirtualRows {
  const [isAlive, setAlive] = useState(false);
  const [topPx, setTopPx] = useState(0);
  const rows = useWindowVirtualizer<HTMLElement>({
    count: entries.length,
    estimateSize: () => estimatePx,
    getItemKey: useCallback((index: number) => entries[index]?.key ?? index, [entries]),
    overscan,
    scrollMargin: topPx,
    measureElement: heightOf,
    // `end` means: keep the reader's row where it is when rows come ahead of it. The end itself is never stuck to.
    anchorTo: isHeld ? 'end' : 'start',
    scrollEndThreshold: Number.NEGATIVE_INFINITY,
  });
  const items = rows.getVirtualItems();
  useLayoutEffect(() => {
    setAlive(true);
    if (top.current !== null) setTopPx(Math.round(top.current.getBoundingClientRect().top + window.scrollY));
  });

  const [first] = items;
  const last = items.at(-1);
  const { measureElement: measure } = rows;
  if (!isAlive || first === undefined || last === undefined) {
    const to = Math.min(entries.length, firstRows);
    return { from: 0, to, abovePx: 0, belowPx: 0, entrance: 0, measure };
  }
  const visible = rows.range?.startIndex ?? 0;
  return {
    from: first.index,
    to: last.index + 1,
    abovePx: Math.max(0, first.start - topPx),
    belowPx: Math.max(0, rows.getTotalSize() + topPx - last.end),
    entrance: visible === 0 ? 0 : Math.min(visible + coveredRows, last.index),
    measure,
  };
}

/** The exact height: rounded ones would let the list wander by half a pixel with every row. */
function heightOf(row: HTMLElement, entry: ResizeObserverEntry | undefined): number {
  return entry?.borderBoxSize[0]?.blockSize ?? row.getBoundingClientRect().height;
}

/**
 * Keeps the focus in a list whose rows are taken out of the page: it would fall to the page's beginning, far from what
 * was being read. The list itself has it then, and nothing scrolls.
 */
function useKeptFocus(list: RefObject<HTMLElement | null>): void {
  const within = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const { current: element } = list;
    if (element === null) return;
    const note = ({ target }: FocusEvent) => {
      within.current = target instanceof Element ? target : null;
    };
    const leave = ({ relatedTarget }: FocusEvent) => {
      if (relatedTarget !== null) within.current = null;
    };
    element.addEventListener('focusin', note);
    element.addEventListener('focusout', leave);
    return () => {
      element.removeEventListener('focusin', note);
      element.removeEventListener('focusout', leave);
    };
  }, [list]);
  useLayoutEffect(() => {
    if (within.current === null || within.current.isConnected) return;
    within.current = null;
    if (document.activeElement === document.body) list.current?.focus({ preventScroll: true });
  });
}

const durationMs = 240;

/** What is pushed down farther than this at once, in px, comes too fast to be followed by the eye. */
const farthestPx = 320;

/**
 * Lets new rows on top slide in: the list starts where it was, and glides down. Slides add up, so that one that is
 * under way is not cut off by the next.
 * @param firstKey of the newest entry. @param isHeld nothing moves while a place is being read.
 */
function useSlideIn(list: RefObject<HTMLElement | null>, firstKey: string, isHeld: boolean): void {
  const before = useRef<{ readonly key: string; readonly row: Element | null } | null>(null);
  useLayoutEffect(() => {
    const { current: element } = list;
    const past = before.current;
    if (past?.key === firstKey || element === null) return;
    before.current = { key: firstKey, row: element.firstElementChild };
    if (past === null || isHeld || !(past.row instanceof HTMLElement) || !past.row.isConnected) return;
    const [top] = element.children;
    const movedPx = past.row.offsetTop - (top instanceof HTMLElement ? top.offsetTop : 0);
    if (movedPx <= 0 || movedPx > farthestPx || matchMedia('(prefers-reduced-motion: reduce)').matches)
      return;
    const from = { transform: `translateY(${-movedPx}px)` };
    element.animate([from, { transform: 'translateY(0)' }], {
      duration: durationMs,
      easing: 'cubic-bezier(0.2, 0, 0, 1)',
      composite: 'add',
    });
  }, [list, firstKey, isHeld]);
}
