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
   * time, until both the step and the lock are `lockPatienceMs` old. A step that is refused must leave nothing behind.
   * @param characters of the events that the step holds while it waits.
   * @returns what the step returns; or rejects with what it throws. If the lock outlasts the time, or too much waits
   * already, this is a FeedError `log-unavailable`.
   */
  run<Result>(step: () => Result, characters?: number): Promise<Result>;
};

/** Pauses between two tries, in ms; the last one repeats. A healthy writer holds the lock for a few ms. */
const pausesMs = [1, 2, 5, 10, 20] as const;
const longestPauseMs = 25;

/** Most steps that wait for a lock. */
export const maxWaiting = 256;

/** Most characters of events in the steps that wait, whatever they wait for: without a limit they would fill the memory. */
export const maxWaitingCharacters = 256 * 1_024 * 1_024;

/** Steps run for at most this long, with the work of their callers, before other work of the process gets its turn, in ms. */
const sliceMs = 10;

type Waiting = {
  /** On the clock's `elapsed`. */
  readonly calledAt: number;
  readonly characters: number;
  /** Runs the step. Returns the refusal if the file is locked; null: the step is over. */
  readonly attempt: () => { readonly refusal: unknown } | null;
  readonly reject: (refusal: unknown) => void;
};

/** Creates an empty queue. Nothing runs while no step does. */
export function createStepQueue(clock: Pick<Clock, 'elapsed' | 'after'>): StepQueue {
  /** In the order of the calls, so also in the order in which they are given up. */
  const waiting: Waiting[] = [];
  let waitingCharacters = 0;
  let tries = 0;
  /** When the file refused a step for the first time since a step ran; null: the last step was not refused. */
  let lockedSince: number | null = null;
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

  function add(step: Waiting): void {
    waiting.push(step);
    waitingCharacters += step.characters;
  }

  function takeFirst(): Waiting | undefined {
    const first = waiting.shift();
    waitingCharacters -= first?.characters ?? 0;
    return first;
  }

  /** For how long the first step still waits for the lock, in ms. Its wait for its turn does not count. */
  function leftOfFirstMs(): number {
    const since = Math.max(waiting[0]?.calledAt ?? Infinity, lockedSince ?? Infinity);
    return since + lockPatienceMs - clock.elapsed();
  }

  function tryLater(): void {
    const pauseMs = pausesMs[tries] ?? longestPauseMs;
    tries += 1;
    // The first step gets a last try when its time is over.
    clock.after(Math.min(pauseMs, leftOfFirstMs()), runWaiting);
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
      takeFirst();
    }
  }

  /** The file is locked for all: steps whose time is over get the same refusal. */
  function giveUp(refusal: unknown): void {
    while (leftOfFirstMs() <= 0) takeFirst()?.reject(refusal);
  }

  return {
    run<Result>(step: () => Result, characters = 0): Promise<Result> {
      return new Promise((resolve, reject) => {
        const attempt = () => {
          try {
            resolve(step());
            lockedSince = null;
          } catch (error) {
            if (isLocked(error)) {
              lockedSince ??= clock.elapsed();
              return { refusal: error };
            }
            lockedSince = null;
            reject(error);
          }
          return null;
        };
        const isFirst = waiting.length === 0;
        const mustWait = isFirst && isSliceOver();
        if (isFirst && !mustWait && attempt() === null) return;
        if (waitingCharacters + characters > maxWaitingCharacters) {
          reject(unavailable('too many publish requests wait for their turn. Try again.'));
          return;
        }
        if (lockedSince !== null && waiting.length >= maxWaiting) {
          reject(
            unavailable('another process has locked its file, and too many requests wait for it. Try again.'),
          );
          return;
        }
        add({ calledAt: clock.elapsed(), characters, attempt, reject });
        if (!isFirst) return;
        tries = 0;
        if (mustWait) clock.after(0, runWaiting);
        else tryLater();
      });
    },
  };
}
