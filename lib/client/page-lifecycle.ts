import type { Clock } from '../core/clock.ts';
import type { PlainSignal } from './connection/state.ts';

/**
 * Reports what happens to the page of a feed: hidden and shown, the network, the back/forward cache. Without a page, as in
 * Node, it reports nothing.
 * @returns a function that ends it.
 */
export function watchPage(emit: (kind: PlainSignal['kind']) => void): () => void {
  if (typeof document === 'undefined' || typeof window === 'undefined') return () => {};
  const watching = new AbortController();
  const { signal } = watching;
  const emitVisibility = () => emit(document.visibilityState === 'hidden' ? 'hidden' : 'visible');
  document.addEventListener('visibilitychange', emitVisibility, { signal });
  window.addEventListener('online', () => emit('online'), { signal });
  window.addEventListener('offline', () => emit('offline'), { signal });
  // Not every browser keeps a page with an open request in its back/forward cache. It keeps one without.
  let isFrozen = false;
  const emitFrozen = (now: boolean) => {
    if (isFrozen !== now) emit(now ? 'frozen' : 'restored');
    isFrozen = now;
  };
  window.addEventListener('pagehide', (event) => event.persisted && emitFrozen(true), { signal });
  window.addEventListener('pageshow', (event) => event.persisted && emitFrozen(false), { signal });
  // A browser may freeze a hidden page (Page Lifecycle). A frozen page must not be the one that reads for other tabs.
  document.addEventListener('freeze', () => emitFrozen(true), { signal });
  document.addEventListener('resume', () => emitFrozen(false), { signal });
  if (document.visibilityState === 'hidden') emit('hidden');
  if (!navigator.onLine) emit('offline');
  return () => watching.abort();
}

/** A feed's one timer. */
export type FeedTimer = {
  /** Fires at `at` (the clock's elapsed ms) or earlier; null: not at all. */
  set(at: number | null): void;
};

/** The timer fires at least this often, in ms, so that the end of a machine's sleep is noticed soon. */
const tickMs = 5_000;

/** A timer that is later than this many ms was not just late: the machine slept. */
const sleepMs = 10_000;

/**
 * Makes one timer for all times that a feed waits for. Most of them move into the future with each byte. The timer is not
 * moved then: it fires early, and is set again.
 * @param onFire called when it fires. `hasSlept`: the machine was asleep meanwhile.
 */
export function createFeedTimer(clock: Clock, onFire: (hasSlept: boolean) => void): FeedTimer {
  let armed: { readonly at: number; cancel(): void } | null = null;

  function arm(at: number): void {
    const elapsed = clock.elapsed();
    const wall = clock.now();
    const due = Math.min(Math.max(at, elapsed), elapsed + tickMs);
    const cancel = clock.after(Math.ceil(due - elapsed), () => {
      armed = null;
      // Some clocks stop while a machine sleeps, others do not: check both.
      const passed = clock.elapsed() - elapsed;
      onFire(clock.elapsed() - due > sleepMs || clock.now() - wall - passed > sleepMs);
    });
    armed = { at: due, cancel };
  }

  return {
    set(at) {
      if (at !== null && armed !== null && armed.at <= at) return;
      armed?.cancel();
      armed = null;
      if (at !== null) arm(at);
    },
  };
}
