import { type RefObject, useLayoutEffect, useRef } from 'react';

/**
 * Keeps the focus in a list whose rows are taken out of the page: it would fall to the page's beginning, far from what
 * was being read. The list itself has it then, and nothing scrolls.
 */
export function useKeptFocus(list: RefObject<HTMLElement | null>): void {
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
