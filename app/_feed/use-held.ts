import { type RefObject, useCallback, useSyncExternalStore } from 'react';

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
