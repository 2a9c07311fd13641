import type { Clock } from '../core/clock.ts';
import { tailTimes } from './tail-clockwork.ts';

/**
 * Decides when a tail that hears nothing asks the log whether there is nothing to hear: when it has been silent for
 * three times the channel's usual pause, 5 s at the earliest, then ever more seldom, up to `maxMs`.
 */
export type Silence = {
  /** Something was heard, which proves the subscription. */
  broken(): void;
  /** The log was asked: the next check waits twice as long. */
  checked(): void;
  /** The log was asked for another reason: the next check waits as long again. */
  putOff(): void;
  /** When the next check is due, on the clock's `elapsed`. */
  dueAt(): number;
  /** Whether nothing was heard for as long as the first check waits at the earliest. */
  isSilent(): boolean;
};

/** Starts now, with a check due after the shortest time. */
export function createSilence(clock: Clock, maxMs: number): Silence {
  const firstMs = Math.min(tailTimes.firstCheckMs, maxMs);
  let usualPauseMs = 0;
  let heardAt: number | null = null;
  let pauseMs = firstMs;
  const startedAt = clock.elapsed();
  let dueAt = startedAt + firstMs;

  return {
    broken() {
      const now = clock.elapsed();
      if (heardAt !== null) usualPauseMs += (now - heardAt - usualPauseMs) / 4;
      heardAt = now;
      pauseMs = Math.min(maxMs, Math.max(firstMs, 3 * usualPauseMs));
      dueAt = now + pauseMs;
    },
    checked() {
      pauseMs = Math.min(maxMs, pauseMs * 2);
      dueAt = clock.elapsed() + pauseMs;
    },
    putOff() {
      dueAt = clock.elapsed() + pauseMs;
    },
    dueAt: () => dueAt,
    isSilent: () => clock.elapsed() - (heardAt ?? startedAt) >= firstMs,
  };
}
