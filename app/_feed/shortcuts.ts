import { useEffect, useRef } from 'react';

/** The keys of the page, and what each does, for the help. */
export const shortcutKeys = [
  ['N', 'Go to the newest events'],
  ['P', 'Pause the list, or go on'],
  ['/', 'Search'],
  ['T', 'Times as a clock, or as an age'],
  ['C', 'Show or hide the connection'],
  ['Page Down, Page Up', 'From event to event, once one has the focus'],
  ['Enter', 'Open the event that has the focus'],
  ['?', 'This help'],
] as const;

/** What each key does. Keys are those of `KeyboardEvent.key`. */
type Shortcuts = Readonly<Record<string, () => void>>;

/**
 * Single keys for the whole page. They are left alone where the reader writes, with a modifier, and while a dialog is open.
 * @param isOn readers who speak to their machine, or hit keys by accident, switch them off (WCAG 2.2, 2.1.4).
 */
export function useShortcuts(shortcuts: Shortcuts, isOn: boolean): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    if (!isOn) return;
    const ending = new AbortController();
    document.addEventListener('keydown', (press) => runShortcut(latest.current, press), ending);
    return () => ending.abort();
  }, [isOn]);
}

function runShortcut(shortcuts: Shortcuts, press: KeyboardEvent): void {
  if (press.ctrlKey || press.metaKey || press.altKey || press.defaultPrevented) return;
  const { target } = press;
  if (target instanceof Element && target.closest('input, select, textarea, dialog[open]')) return;
  const act = Object.hasOwn(shortcuts, press.key) ? shortcuts[press.key] : undefined;
  if (act === undefined || document.querySelector('dialog[open]') !== null) return;
  press.preventDefault();
  act();
}
