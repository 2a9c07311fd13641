import { useCallback, useSyncExternalStore } from 'react';

const prefix = 'steadfeed.';

/** What was chosen while the page is open. Where a browser keeps nothing, it lasts as long as the page. */
const chosen = new Map<string, string>();
const listeners = new Set<() => void>();

/**
 * A reader's own choice, kept by the browser where it keeps anything.
 * @param fallback before anything was chosen, and where a server renders.
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
  const known = chosen.get(name) ?? readStored(name);
  chosen.set(name, known);
  return known;
}

function writeChoice(name: string, value: string): void {
  chosen.set(name, value);
  try {
    localStorage.setItem(prefix + name, value);
  } catch {
    // Storage is full or switched off: the choice lasts as long as the page.
  }
  for (const tell of listeners) tell();
}

function readStored(name: string): string {
  try {
    return localStorage.getItem(prefix + name) ?? '';
  } catch {
    // Storage is switched off.
    return '';
  }
}
