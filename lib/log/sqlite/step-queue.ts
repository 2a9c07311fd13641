import type { Clock } from '../../core/clock.ts';
import { isLocked, lockPatienceMs, unavailable } from './errors.ts';

/**
 * Runs the steps of a synchronous driver so that the process never stands still because of them.
 *
 * - Another process's lock on the file can refuse a step. The driver does not wait for the lock; the step waits here.
 * - A caller can ask for one step after the other without end: a stream whose filter matches nothing reads the whole log.
 *   Each answer comes at once, so no timer and no socket would get its turn in between. After `sliceMs` the next step waits
 *   until they had it.
 */
export type StepQueue = {
  /**
   * Runs `step` at once; if other steps wait, after them. While the file is locked it runs the step again from time to
   * time, up to `lockPatienceMs` after the call. A step that is refused must leave nothing behind.
   * @returns what the step returns; or rejects with what it throws. If the lock outlasts the time, this is a FeedError
   * `log-unavailable`.
   */
  run<Result>(step: () => Result): Promise<Result>;
};

/** Pauses between two tries, in ms; the last one repeats. A healthy writer holds the lock for a few ms. */
const pausesMs = [1, 2, 5, 10, 20] as const;
const longestPauseMs = 25;

/** Most steps that wait for a lock; each can hold a request of 1 MiB. */
export const maxWaiting = 256;

/** Steps run for at most this long, with the work of their callers, before other work of the process gets its turn, in ms. */
const sliceMs = 10;

type Waiting = {
  /** When the step is given up, on the clock's `elapsed`. */
  readonly until: number;
  /** Runs the step. Returns the refusal if the file is locked; null: the step is over. */
  readonly attempt: () => { readonly refusal: unknown } | null;
  readonly reject: (refusal: unknown) => void;
};

/** Creates an empty queue. Nothing runs while no step does. */
export function createStepQueue(clock: Pick<Clock, 'elapsed' | 'after'>): StepQueue {
  /** In the order of the calls, so also in the order of `until`. */
  const waiting: Waiting[] = [];
  let tries = 0;
  /** Whether the last step that ran was refused. */
  let isFileLocked = false;
  /** When this slice is over; null: no step has run since other work had its turn. */
  let sliceEndsAt: number | null = null;

  function isSliceOver(): boolean {
    const now = clock.elapsed();
    if (sliceEndsAt === null) {
      sliceEndsAt = now + sliceMs;
      clock.after(0, () => {
        sliceEndsAt = null;
      });
    }
    return now >= sliceEndsAt;
  }

  function tryLater(): void {
    const pauseMs = pausesMs[tries] ?? longestPauseMs;
    tries += 1;
    // The first step gets a last try when its time is over.
    const leftMs = (waiting[0]?.until ?? Infinity) - clock.elapsed();
    clock.after(Math.min(pauseMs, leftMs), runWaiting);
  }

  function runWaiting(): void {
    for (let first = waiting[0]; first !== undefined; first = waiting[0]) {
      if (isSliceOver()) {
        clock.after(0, runWaiting);
        return;
      }
      // It stays in the queue meanwhile: a step that it causes comes after the others.
      const locked = first.attempt();
      if (locked !== null) {
        giveUp(locked.refusal);
        if (waiting.length > 0) tryLater();
        return;
      }
      tries = 0;
      waiting.shift();
    }
  }

  /** The file is locked for all: steps whose time is over get the same refusal. */
  function giveUp(refusal: unknown): void {
    const now = clock.elapsed();
    while (waiting[0] !== undefined && waiting[0].until <= now) waiting.shift()?.reject(refusal);
  }

  return {
    run<Result>(step: () => Result): Promise<Result> {
      return new Promise((resolve, reject) => {
        const attempt = () => {
          try {
            resolve(step());
            isFileLocked = false;
          } catch (error) {
            isFileLocked = isLocked(error);
            if (isFileLocked) return { refusal: error };
            reject(error);
          }
          return null;
        };
        const isFirst = waiting.length === 0;
        const mustWait = isFirst && isSliceOver();
        if (isFirst && !mustWait && attempt() === null) return;
        if (isFileLocked && waiting.length >= maxWaiting) {
          reject(
            unavailable('another process has locked its file, and too many requests wait for it. Try again.'),
          );
          return;
        }
        waiting.push({ until: clock.elapsed() + lockPatienceMs, attempt, reject });
        if (!isFirst) return;
        tries = 0;
        if (mustWait) clock.after(0, runWaiting);
        else tryLater();
      });
    },
  };
}
