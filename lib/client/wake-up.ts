import type { Clock } from '../core/clock.ts';

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
