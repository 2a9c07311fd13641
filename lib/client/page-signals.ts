import type { PlainSignal } from './connection-signal.ts';

/**
 * Tells of what happens to the page around a connection: hidden and shown, the network, the back/forward cache.
 * Where there is no page, as in Node, it tells nothing.
 * @returns ends it.
 */
export function watchPage(tell: (kind: PlainSignal['kind']) => void): () => void {
  if (typeof document === 'undefined' || typeof window === 'undefined') return () => {};
  const watching = new AbortController();
  const { signal } = watching;
  const tellVisibility = () => tell(document.visibilityState === 'hidden' ? 'hidden' : 'visible');
  document.addEventListener('visibilitychange', tellVisibility, { signal });
  window.addEventListener('online', () => tell('online'), { signal });
  window.addEventListener('offline', () => tell('offline'), { signal });
  // A page with an open request may not be kept by every browser; one without is.
  let isFrozen = false;
  const tellFrozen = (now: boolean) => {
    if (isFrozen !== now) tell(now ? 'frozen' : 'restored');
    isFrozen = now;
  };
  window.addEventListener('pagehide', (event) => event.persisted && tellFrozen(true), { signal });
  window.addEventListener('pageshow', (event) => event.persisted && tellFrozen(false), { signal });
  // A hidden page may be frozen where it is (Page Lifecycle): it must not stay the one that reads for others.
  document.addEventListener('freeze', () => tellFrozen(true), { signal });
  document.addEventListener('resume', () => tellFrozen(false), { signal });
  if (document.visibilityState === 'hidden') tell('hidden');
  if (!navigator.onLine) tell('offline');
  return () => watching.abort();
}
