'use client';

import {
  type KeyboardEvent,
  memo,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useReducer,
  useRef,
  useState,
} from 'react';
import { flushSync } from 'react-dom';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import type { FeedEvent } from '../../lib/core/event.ts';
import styles from './event-list.module.css';
import { EventRow, GapRow } from './event-row.tsx';
import { useHeldWhileTouched } from './reading-position.ts';

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
  const { list, isReading, isBusy, retention, isRecent, onOpen } = props;
  const entries = useHeldWhileTouched(props.entries, isReading);
  const top = useRef<HTMLDivElement>(null);
  const rows = useVirtualRows({ entries, list, top, isReading });
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
          const row = { index, isTabStop: index === rows.tabStop };
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

/** Rows rendered beyond each end of the visible part: while the reader scrolls or reads, and while the newest are shown. */
const readingOverscan = 24;
const restingOverscan = 8;

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
};

type VirtualRowsOptions = {
  readonly entries: readonly FeedEntry[];
  /** The element whose children are the rows. */
  readonly list: RefObject<HTMLElement | null>;
  /** The element whose top edge is the start of the rows. */
  readonly top: RefObject<HTMLElement | null>;
  /** Whether the visible rows must not move when entries are added above them. */
  readonly isReading: boolean;
};

/**
 * Chooses the entries that are in the page. On the server and until hydration it is all of them: the list is complete
 * without JavaScript, and each row is measured before any row leaves the page, so that nothing moves.
 */
function useVirtualRows({ entries, list, top, isReading }: VirtualRowsOptions): VirtualRows {
  const [layout] = useState(() => new RowLayout());
  const [, render] = useReducer((count: number) => count + 1, 0);
  const rows = layout.rowsOf(entries, isReading);
  /** Reads from the page what has changed. @returns whether other rows must be rendered. */
  const settle = useRef((): boolean => false);
  // After each render, before the browser paints it.
  useLayoutEffect(() => {
    settle.current = () => {
      if (list.current === null || top.current === null) return false;
      const heights = [...list.current.children].map((row) => row.getBoundingClientRect().height);
      layout.measure(entries.slice(rows.from), heights);
      const movedPx = isReading ? layout.moved() : 0;
      // A scroll would stop at the end of the page, which is still as high as before: first the rows, then the scroll.
      if (movedPx !== 0 && !isSameRows(rows, layout.rowsOf(entries, isReading))) return true;
      if (movedPx !== 0) window.scrollBy({ top: movedPx, behavior: 'instant' });
      const topPx = Math.round(top.current.getBoundingClientRect().top + window.scrollY);
      layout.look(window.scrollY - topPx, window.innerHeight);
      return !isSameRows(rows, layout.rowsOf(entries, isReading));
    };
    if (settle.current()) render();
  });
  useEffect(() => {
    const { current: element } = list;
    if (element === null) return;
    const ended = new AbortController();
    const options = { signal: ended.signal, passive: true };
    // At once: in the next frame the reader would see a hole where the rows are missing.
    const update = () => {
      if (settle.current()) flushSync(render);
    };
    // The height of the list changes with that of any row.
    const observer = new ResizeObserver(update);
    observer.observe(element);
    window.addEventListener('scroll', update, options);
    let width = window.innerWidth;
    const resize = () => {
      // The height alone changes when a phone hides its address bar.
      if (window.innerWidth !== width) layout.forget();
      width = window.innerWidth;
      update();
    };
    window.addEventListener('resize', resize, options);
    return () => {
      ended.abort();
      observer.disconnect();
    };
  }, [layout, list]);
  return rows;
}

function isSameRows(a: VirtualRows, b: VirtualRows): boolean {
  return (
    a.from === b.from &&
    a.to === b.to &&
    a.abovePx === b.abovePx &&
    a.belowPx === b.belowPx &&
    a.tabStop === b.tabStop
  );
}

/** Two heights that differ by less are the same, in px. */
const tolerancePx = 0.01;

/**
 * Where the rows of a long list are. A row that was never rendered is assumed to have the usual height. All places are in px
 * from the top of the first row.
 */
export class RowLayout {
  /** The height of most rows; null until the first rows are measured. */
  #usualPx: number | null = null;
  /** Heights of the rows that differ, by key. */
  readonly #heights = new Map<string, number>();
  #entries: readonly FeedEntry[] = [];
  /** Where each row starts, and the end of the last one; null if that must be computed again. */
  #starts: Float64Array | null = null;
  /** What is visible; null until the page is hydrated. */
  #visible: { readonly topPx: number; readonly heightPx: number } | null = null;
  /** The first visible row, and where it was. */
  #anchor: { readonly key: string; readonly startPx: number } | null = null;

  /**
   * The rows of `entries` that should be in the page.
   * @param isReading whether to follow the first visible row when rows are added above it.
   */
  rowsOf(entries: readonly FeedEntry[], isReading: boolean): VirtualRows {
    if (entries !== this.#entries) {
      this.#entries = entries;
      this.#starts = null;
    }
    const count = entries.length;
    if (this.#visible === null || count === 0) {
      return { from: 0, to: Math.min(count, maxServerRows), abovePx: 0, belowPx: 0, tabStop: 0 };
    }
    const topPx = this.#visible.topPx + (isReading ? this.moved() : 0);
    const first = this.#indexAt(topPx);
    const overscan = isReading ? readingOverscan : restingOverscan;
    const from = Math.max(0, first - overscan);
    const to = Math.min(count, this.#indexAt(topPx + this.#visible.heightPx) + 1 + overscan);
    return {
      from,
      to,
      abovePx: this.#startOf(from),
      belowPx: this.#startOf(count) - this.#startOf(to),
      tabStop: first === 0 ? 0 : Math.min(first + coveredRows, to - 1),
    };
  }

  /** @param heights in px, of the first of `entries`. */
  measure(entries: readonly FeedEntry[], heights: readonly number[]): void {
    this.#usualPx ??= heights.toSorted((a, b) => a - b)[Math.floor(heights.length / 2)] ?? null;
    if (this.#usualPx === null) return;
    for (const [index, heightPx] of heights.entries()) {
      const { key = '' } = entries[index] ?? {};
      if (Math.abs(heightPx - (this.#heights.get(key) ?? this.#usualPx)) < tolerancePx) continue;
      this.#heights.set(key, heightPx);
      this.#starts = null;
    }
  }

  /** The rows have other heights now, for example because the window has another width. */
  forget(): void {
    this.#usualPx = null;
    this.#heights.clear();
    this.#starts = null;
  }

  /** Notes what is visible now. @param topPx may be negative: what is above the list is visible. */
  look(topPx: number, heightPx: number): void {
    this.#visible = { topPx, heightPx };
    const index = this.#indexAt(topPx);
    const entry = this.#entries[index];
    this.#anchor = entry === undefined ? null : { key: entry.key, startPx: this.#startOf(index) };
  }

  /** How far the row that was the first visible one has moved since `look`, in px. 0 if it is gone. */
  moved(): number {
    const anchor = this.#anchor;
    if (anchor === null) return 0;
    const index = this.#entries.findIndex(({ key }) => key === anchor.key);
    return index === -1 ? 0 : this.#startOf(index) - anchor.startPx;
  }

  /** Index of the row at this place; the first or the last one if it is outside of the list. */
  #indexAt(px: number): number {
    let [low, high] = [0, Math.max(0, this.#entries.length - 1)];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#startOf(middle) <= px) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #startOf(index: number): number {
    this.#starts ??= this.#place();
    return this.#starts[index] ?? 0;
  }

  #place(): Float64Array {
    const starts = new Float64Array(this.#entries.length + 1);
    const usualPx = this.#usualPx ?? 0;
    let px = 0;
    for (const [index, { key }] of this.#entries.entries()) {
      px += this.#heights.size === 0 ? usualPx : (this.#heights.get(key) ?? usualPx);
      starts[index + 1] = px;
    }
    // Without this, the heights of rows that have left the list would stay for ever.
    if (this.#heights.size > 2 * this.#entries.length) this.#keepOnly(this.#entries);
    return starts;
  }

  #keepOnly(entries: readonly FeedEntry[]): void {
    const keys = new Set(entries.map(({ key }) => key));
    for (const key of this.#heights.keys()) if (!keys.has(key)) this.#heights.delete(key);
  }
}

/** Whether both are events of one second. */
function isSameSecond(entry: FeedEntry, above: FeedEntry | undefined): boolean {
  if (entry.kind !== 'event' || above?.kind !== 'event') return false;
  return Math.floor(entry.event.time / 1_000) === Math.floor(above.event.time / 1_000);
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
