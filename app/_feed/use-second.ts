import { useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;

/**
 * Something that depends on the time, looked at once a second: only who sees it change is rendered anew.
 * @param look what is seen now. @param first what a server sees.
 */
export function useSecond<T extends string | number | boolean>(look: () => T, first: () => T): T {
  return useSyncExternalStore(subscribe, look, first);
}

/** One timer for all, while anybody looks. */
function subscribe(onChange: () => void): () => void {
  listeners.add(onChange);
  timer ??= setInterval(() => {
    for (const tell of listeners) tell();
  }, 1_000);
  return () => {
    listeners.delete(onChange);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}
