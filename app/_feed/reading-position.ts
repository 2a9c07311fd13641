import { type RefObject, useCallback, useState, useSyncExternalStore } from 'react';
import type { FeedEntry } from '../../lib/client/transport/feed-items.ts';

/** Scrolled less than this many px from the top, the reader follows the newest events. */
const topPx = 8;

/** What can begin or end a reading: scrolling, focus, a selection. */
const signals = ['scroll', 'focusin', 'focusout', 'selectionchange'] as const;

/**
 * Whether the reader reads a certain place of `list`, which then must not move: scrolled away from the top, with the
 * focus on an event, or with text selected.
 */
export function useHeld(list: RefObject<HTMLElement | null>): boolean {
  const isHeld = useCallback(
    () => window.scrollY > topPx || hasFocus(list.current) || hasSelection(list.current),
    [list],
  );
  return useSyncExternalStore(subscribe, isHeld, never);
}

function subscribe(onChange: () => void): () => void {
  const ending = new AbortController();
  const options = { signal: ending.signal, passive: true };
  for (const name of signals) document.addEventListener(name, onChange, options);
  return () => ending.abort();
}

function hasFocus(list: HTMLElement | null): boolean {
  return list?.contains(document.activeElement) === true && document.activeElement !== list;
}

function hasSelection(list: HTMLElement | null): boolean {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && list?.contains(selection.anchorNode) === true;
}

function never(): boolean {
  return false;
}

/**
 * How many entries have come on top since the reader was last there; null where that is not known any more.
 * @param isHeld whether the reader is elsewhere.
 */
export function useNewCount(entries: readonly FeedEntry[], isHeld: boolean): number | null {
  const firstKey = entries[0]?.key ?? '';
  const [seenKey, setSeenKey] = useState(firstKey);
  if (!isHeld && seenKey !== firstKey) setSeenKey(firstKey);
  if (!isHeld || seenKey === firstKey) return 0;
  const index = entries.findIndex((entry) => entry.key === seenKey);
  return index === -1 ? null : index;
}

/** Lets go of what is being read, and shows the newest. */
export function showTop(list: HTMLElement | null): void {
  document.getSelection()?.removeAllRanges();
  list?.focus({ preventScroll: true });
  window.scrollTo({ top: 0, behavior: 'instant' });
}

/** A list that can be told to stand still. */
type Standstill = {
  readonly isPaused: boolean;
  /** Stands still, or goes on. */
  toggle(): void;
  /** What is shown: all, or while paused what there was, and what is loaded behind it. */
  readonly entries: readonly FeedEntry[];
};

/**
 * Pauses the view, never the connection: events go on arriving behind it, so that going on shows them at once and
 * nothing can have been trimmed from the log meanwhile.
 * @param entries newest first.
 */
export function useStandstill(entries: readonly FeedEntry[]): Standstill {
  const [still, setStill] = useState<readonly FeedEntry[] | null>(null);
  return {
    isPaused: still !== null,
    toggle: () => setStill(still === null ? entries : null),
    entries: still === null ? entries : since(still, entries),
  };
}

/** `entries` from the newest of `still` on; `still` itself where that is no longer held. */
function since(still: readonly FeedEntry[], entries: readonly FeedEntry[]): readonly FeedEntry[] {
  const newest = still[0]?.key;
  const index = entries.findIndex((entry) => entry.key === newest);
  if (index === -1) return still;
  return entries.length - index === still.length ? still : entries.slice(index);
}
