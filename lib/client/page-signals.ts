import type { PlainSignal } from './connection.ts';

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
  window.addEventListener('pagehide', (event) => event.persisted && tell('frozen'), { signal });
  window.addEventListener('pageshow', (event) => event.persisted && tell('restored'), { signal });
  if (document.visibilityState === 'hidden') tell('hidden');
  if (!navigator.onLine) tell('offline');
  return () => watching.abort();
}
