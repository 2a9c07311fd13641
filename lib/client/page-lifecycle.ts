import type { Clock } from '../core/clock.ts';
import type { PlainSignal } from './connection/state.ts';

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

export type WakeUp = {
  /** Calls at `at` (the clock's elapsed ms), or earlier; null: not at all. */
  set(at: number | null): void;
};

/** Longest time without a look at the clock: how soon the end of a sleep is noticed. */
const tickMs = 5_000;

/** What comes this much later than it should was not late: the machine slept. */
const sleepMs = 10_000;

/**
 * One timer for all deadlines. It is not moved when they move into the future, as they do with each byte: it comes
 * early then, and is set again.
 * @param onWake called at the time; `hasSlept` when the machine was asleep meanwhile.
 */
export function createWakeUp(clock: Clock, onWake: (hasSlept: boolean) => void): WakeUp {
  let armed: { readonly at: number; cancel(): void } | null = null;

  function arm(at: number): void {
    const elapsed = clock.elapsed();
    const wall = clock.now();
    const due = Math.min(Math.max(at, elapsed), elapsed + tickMs);
    const cancel = clock.after(Math.ceil(due - elapsed), () => {
      armed = null;
      // Some clocks stand still while a machine sleeps, others do not: look at both.
      const passed = clock.elapsed() - elapsed;
      onWake(clock.elapsed() - due > sleepMs || clock.now() - wall - passed > sleepMs);
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
