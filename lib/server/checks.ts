import type { Clock } from '../core/clock.ts';
import type { LogState } from '../core/continuity.ts';
import type { EventLog } from '../log/event-log.ts';
import { tailTimes } from './tail-clockwork.ts';

/** What the log answered to a check; null when it could not be reached. */
export type Found = { readonly state: LogState } | null;

/** A tail, as it is seen by those who check it. */
export type Checkable = {
  readonly channel: string;
  /** Whether it waits for its subscription to be acknowledged. */
  isConnecting(): boolean;
  /** When its next check is due, on the clock's `elapsed`; Infinity while other reads make it needless. */
  checkDueAt(): number;
  /** Whether a check of another tail may as well include this one. */
  isCheckWelcome(): boolean;
  /** Begins a check, which then is not due any more; the function given back takes what the log answers. */
  beginCheck(): (found: Found) => void;
};

/** Asks the log for the ends of its channels: one call for all tails of a process that need to be sure. */
export type Checks = {
  add(tail: Checkable): void;
  remove(tail: Checkable): void;
  /** Checks now, if the check of any tail is due, or will be within `withinMs`; 0. */
  run(withinMs?: number): void;
  /** A check is due now: waits a moment for tails whose subscriptions come back about the same time. */
  gather(): void;
};

/** Makes the checks of a process. Nothing runs until it is told to. */
export function createChecks(log: EventLog, clock: Clock): Checks {
  const tails = new Set<Checkable>();
  let cancelGather: (() => void) | null = null;

  function run(withinMs = 0): void {
    const until = clock.elapsed() + withinMs;
    if ([...tails].some((tail) => tail.checkDueAt() <= until)) void ask(until);
  }

  async function ask(until: number): Promise<void> {
    stopGathering();
    const asked = [...tails].filter((tail) => tail.isCheckWelcome() || tail.checkDueAt() <= until);
    // What falls due from here on is not proven by this answer: it is asked for by a call of its own.
    const takers = asked.map((tail) => ({ channel: tail.channel, take: tail.beginCheck() }));
    try {
      const ends = await log.ends(takers.map(({ channel }) => channel));
      for (const { channel, take } of takers) take({ state: ends.get(channel) ?? null });
    } catch {
      // Each tail reads for itself, and says what is wrong where readers hear it.
      for (const { take } of takers) take(null);
    }
  }

  function gather(): void {
    const isLast = ![...tails].some((tail) => tail.isConnecting());
    if (isLast) run();
    else cancelGather ??= clock.after(tailTimes.gatherMs, endGathering);
  }

  function endGathering(): void {
    cancelGather = null;
    run();
  }

  function stopGathering(): void {
    cancelGather?.();
    cancelGather = null;
  }

  return {
    add: (tail) => void tails.add(tail),
    remove(tail) {
      tails.delete(tail);
      if (tails.size === 0) stopGathering();
    },
    run,
    gather,
  };
}
