import type { Clock } from '../../../lib/core/clock.ts';
import { seeded } from '../seeded.ts';

/** A clock that stands still until it is moved. */
export type ManualClock = Clock & {
  /** Lets `ms` pass: runs due timers in order of time, and lets promises settle before, between and after. */
  advance(ms: number): Promise<void>;
  /** Lets `ms` pass while nothing runs, as in a frozen process. Due timers run at the next `advance`. */
  freeze(ms: number): void;
  /** Sets only the wall clock forward, or back. */
  setForward(ms: number): void;
  /** How many timers have not fired. */
  pending(): number;
};

/** The longest time that `setTimeout` accepts; it takes a longer one for 1 ms. */
const maxTimerMs = 2 ** 31 - 1;

type Timer = { readonly at: number; readonly key: number; readonly run: () => void };

/** Lets promises settle that wait only for each other. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Creates a clock whose timers behave like Node's: whole ms, at least one. @param seed of its random numbers. */
export function createManualClock(seed = 1): ManualClock {
  const random = seeded(seed);
  let elapsed = 1_000;
  let offset = 1_763_841_234_567 - elapsed;
  let order = 0;
  /** The timers, next first; timers of the same time in the order in which they were set. */
  const timers: Timer[] = [];

  /** Where in `timers` a timer of that time and order is, or belongs. */
  function placeOf({ at, key }: Pick<Timer, 'at' | 'key'>): number {
    let low = 0;
    for (let high = timers.length; low < high; ) {
      const middle = (low + high) >>> 1;
      const other = timers[middle];
      if (other === undefined || other.at > at || (other.at === at && other.key >= key)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  function takeDue(until: number): Timer | null {
    const [next] = timers;
    return next === undefined || next.at > until ? null : (timers.shift() ?? null);
  }

  return {
    // Whole ms, as of Date.now.
    now: () => Math.floor(elapsed + offset),
    elapsed: () => elapsed,
    random: () => random.next(),
    after(ms, run) {
      if (!(ms <= maxTimerMs)) throw new RangeError(`a timer of ${ms} ms would go off at once`);
      const timer = { at: elapsed + Math.max(1, Math.trunc(ms)), key: order++, run };
      timers.splice(placeOf(timer), 0, timer);
      return () => {
        const place = placeOf(timer);
        if (timers[place] === timer) timers.splice(place, 1);
      };
    },
    async advance(ms) {
      const until = elapsed + ms;
      await settle();
      for (let timer = takeDue(until); timer !== null; timer = takeDue(until)) {
        elapsed = Math.max(elapsed, timer.at);
        timer.run();
        await settle();
      }
      elapsed = Math.max(elapsed, until);
    },
    freeze(ms) {
      elapsed += ms;
    },
    setForward(ms) {
      offset += ms;
    },
    pending: () => timers.length,
  };
}
