import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type RefObject, useCallback, useLayoutEffect, useState } from 'react';
import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';

/** Height in px of a row that was never shown. */
const estimatePx = 64;

/** Rows kept ready on either side of what is visible, so that a burst of as many is put into the page whole. */
const overscan = 24;

/** Most rows before the list has come to life: as many as a server renders. */
const firstRows = 50;

/** Rows the sticky bars cover. */
const coveredRows = 2;

export type VirtualRows = {
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
export function useVirtualRows(
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
