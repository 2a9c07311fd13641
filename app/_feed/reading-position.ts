import { type RefObject, useCallback, useEffect, useState, useSyncExternalStore } from 'react';
import type { FeedEntry } from '../../lib/client/feed-options.ts';

/** Within this many px of the top, the reader follows the newest events. */
const topPx = 8;

/** Events that can start or end reading. */
const readingEvents = ['scroll', 'focusin', 'focusout', 'selectionchange'] as const;

/**
 * Whether the reader is reading a position of `list` that must not move: scrolled away from the top, with the focus on
 * an event, or with text selected.
 */
export function useIsReading(list: RefObject<HTMLElement | null>): boolean {
  const isReading = useCallback(
    () => window.scrollY > topPx || hasFocus(list.current) || hasSelection(list.current),
    [list],
  );
  return useSyncExternalStore(subscribe, isReading, isReadingOnServer);
}

function subscribe(onChange: () => void): () => void {
  const controller = new AbortController();
  const options = { signal: controller.signal, passive: true };
  for (const name of readingEvents) document.addEventListener(name, onChange, options);
  return () => controller.abort();
}

function hasFocus(list: HTMLElement | null): boolean {
  return list?.contains(document.activeElement) === true && document.activeElement !== list;
}

function hasSelection(list: HTMLElement | null): boolean {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && list?.contains(selection.anchorNode) === true;
}

function isReadingOnServer(): boolean {
  return false;
}

/**
 * How many entries were added at the top since the reader left it; null if the entry the reader last saw there is no
 * longer in the list.
 * @param isAway whether the reader is away from the newest entries.
 */
export function useNewCount(entries: readonly FeedEntry[], isAway: boolean): number | null {
  const firstKey = entries[0]?.key ?? '';
  const [seenKey, setSeenKey] = useState(firstKey);
  if (!isAway && seenKey !== firstKey) setSeenKey(firstKey);
  if (!isAway || seenKey === firstKey) return 0;
  const index = entries.findIndex((entry) => entry.key === seenKey);
  return index === -1 ? null : index;
}

/** Goes to the newest entries. It clears focus and selection, which would hold the reading position. */
export function scrollToNewest(list: HTMLElement | null): void {
  document.getSelection()?.removeAllRanges();
  list?.focus({ preventScroll: true });
  window.scrollTo({ top: 0, behavior: 'instant' });
}

/** A list that the reader can pause. */
type PausedList = {
  readonly isPaused: boolean;
  /** Pauses or resumes. */
  toggle(): void;
  /** All entries; while paused, those that were there when it began, and older ones loaded since. */
  readonly entries: readonly FeedEntry[];
};

/**
 * Pauses the list, never the connection. Events arrive behind it, so that resuming shows them at once, and the log
 * cannot drop any of them meanwhile.
 * @param entries newest first.
 */
export function usePausedList(entries: readonly FeedEntry[]): PausedList {
  const [frozen, setFrozen] = useState<readonly FeedEntry[] | null>(null);
  return {
    isPaused: frozen !== null,
    toggle: () => setFrozen(frozen === null ? entries : null),
    entries: frozen === null ? entries : withoutNewer(frozen, entries),
  };
}

/** `entries` without those newer than `frozen`; `frozen` itself if its newest entry is no longer in the list. */
function withoutNewer(frozen: readonly FeedEntry[], entries: readonly FeedEntry[]): readonly FeedEntry[] {
  const newest = frozen[0]?.key;
  const index = entries.findIndex((entry) => entry.key === newest);
  if (index === -1) return frozen;
  return entries.length - index === frozen.length ? frozen : entries.slice(index);
}

/** After a touch the list may go on scrolling by itself. It rests when it has not moved for this many ms. */
const restMs = 200;

/**
 * `entries`; while the reader touches the page, and while it scrolls on after that, without newer ones. To keep the
 * reading position the page must scroll, and that would stop a scroll by touch on iOS.
 */
export function useHeldWhileTouched(entries: readonly FeedEntry[], isReading: boolean): readonly FeedEntry[] {
  const [held, setHeld] = useState<readonly FeedEntry[] | null>(null);
  const isTouched = useIsTouched();
  if (!isTouched || !isReading) {
    if (held !== null) setHeld(null);
    return entries;
  }
  if (held === null) setHeld(entries);
  return held === null ? entries : withoutNewer(held, entries);
}

const touchEnds = ['touchend', 'touchcancel'] as const;

/** Whether the page is touched, or scrolls on after a touch. */
function useIsTouched(): boolean {
  const [isTouched, setTouched] = useState(false);
  useEffect(() => {
    const ended = new AbortController();
    const options = { signal: ended.signal, passive: true };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = () => {
      clearTimeout(timer);
      timer = undefined;
    };
    const rest = () => {
      stop();
      timer = setTimeout(() => {
        timer = undefined;
        setTouched(false);
      }, restMs);
    };
    const end = ({ touches }: TouchEvent) => {
      if (touches.length === 0 && !ended.signal.aborted) rest();
    };
    const start = ({ target }: TouchEvent) => {
      stop();
      setTouched(true);
      // A row that leaves the page while it is touched gets the end of the touch, and the document does not.
      for (const name of touchEnds) target?.addEventListener(name, end as EventListener, { passive: true });
    };
    document.addEventListener('touchstart', start, options);
    for (const name of touchEnds) document.addEventListener(name, end, options);
    // While the finger is on the page, it may also stand still: only its end starts the timer.
    document.addEventListener('scroll', () => timer !== undefined && rest(), options);
    return () => {
      ended.abort();
      stop();
    };
  }, []);
  return isTouched;
}
