import { useCallback, useSyncExternalStore } from 'react';

const prefix = 'steadfeed.';

/** The reader's choices since the page was opened. If the browser stores nothing, they last as long as the page. */
const choices = new Map<string, string>();
const listeners = new Set<() => void>();

/**
 * A choice of the reader, stored in `localStorage` where the browser allows it.
 * @param fallback the value before the reader has chosen, and on the server.
 */
export function usePreference<T extends string>(
  name: string,
  values: readonly T[],
  fallback: T,
): readonly [T, (value: T) => void] {
  const read = () => values.find((value) => value === readChoice(name)) ?? fallback;
  const value = useSyncExternalStore(subscribe, read, () => fallback);
  const choose = useCallback((next: T) => writeChoice(name, next), [name]);
  return [value, choose];
}

function subscribe(onChange: () => void): () => void {
  listeners.add(onChange);
  return () => listeners.delete(onChange);
}

function readChoice(name: string): string {
  const choice = choices.get(name) ?? readStored(name);
  choices.set(name, choice);
  return choice;
}

function writeChoice(name: string, value: string): void {
  choices.set(name, value);
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    // Storage is full or switched off: the choice lasts as long as the page.
  }
  for (const notify of listeners) notify();
}

function readStored(name: string): string {
  try {
    return localStorage.getItem(prefix + name) ?? '';
  } catch {
    // Storage is switched off.
    return '';
  }
}
