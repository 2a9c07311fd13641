import { type RefObject, useLayoutEffect, useRef } from 'react';

const durationMs = 240;

/** What is pushed down farther than this at once, in px, comes too fast to be followed by the eye. */
const farthestPx = 320;

/**
 * Lets new rows on top slide in: the list starts where it was, and glides down. Slides add up, so that one that is
 * under way is not cut off by the next.
 * @param firstKey of the newest entry. @param isHeld nothing moves while a place is being read.
 */
export function useSlideIn(list: RefObject<HTMLElement | null>, firstKey: string, isHeld: boolean): void {
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
