import { useEffect, useRef } from 'react';

/** The keys of the page and what each one does, for the help. */
export const shortcutKeys = [
  ['N', 'Go to the newest events'],
  ['P', 'Pause or resume the list'],
  ['/', 'Search'],
  ['T', 'Show times of day, or ages'],
  ['C', 'Show or hide the connection panel'],
  ['Page Down, Page Up', 'Go to the next or previous event, once an event has the focus'],
  ['Enter', 'Open the event that has the focus'],
  ['?', 'Show this help'],
] as const;

/** The action of each key. The keys are values of `KeyboardEvent.key`. */
type Shortcuts = Readonly<Record<string, () => void>>;

/**
 * Single-key shortcuts for the whole page. They do nothing while the reader types in a field, holds a modifier key, or
 * has a dialog open.
 * @param isEnabled speech input and accidental key presses can trigger single keys, so the reader can switch them off
 * (WCAG 2.2, 2.1.4).
 */
export function useShortcuts(shortcuts: Shortcuts, isEnabled: boolean): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    if (!isEnabled) return;
    const controller = new AbortController();
    document.addEventListener('keydown', (event) => runShortcut(latest.current, event), controller);
    return () => controller.abort();
  }, [isEnabled]);
}

function runShortcut(shortcuts: Shortcuts, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const { target } = event;
  if (target instanceof Element && target.closest('input, select, textarea, dialog[open]')) return;
  const action = Object.hasOwn(shortcuts, event.key) ? shortcuts[event.key] : undefined;
  if (action === undefined || document.querySelector('dialog[open]') !== null) return;
  event.preventDefault();
  action();
}
