import type { Clock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import { compareEventIds } from '../../core/ids.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { StaleAnswer } from './read-through.ts';
import { tailTimes } from './subscription.ts';

/**
 * Waits for the log to catch up with what its readers know. A reader ahead of the log is asked for again and again, and
 * anyone may claim to be one: so it is asked for all of a process together, by one call at a time for the ends of their
 * channels, and a reader reads again only when that may give another answer.
 */
export type LogProgress = {
  /**
   * Resolves when the channel is worth another read: the log has got as far as the answer lacks, or began anew; or it
   * cannot be reached, which the reader is to find for itself; or `ms` are over; or `signal` aborts.
   */
  past(channel: string, answer: StaleAnswer, ms: number, signal?: AbortSignal): Promise<void>;
};

type Waiter = {
  readonly channel: string;
  readonly answer: StaleAnswer;
  readonly endsAt: number;
  readonly resolve: () => void;
};

/** Nothing runs while nobody waits. */
export function createLogProgress(log: Pick<EventLog, 'ends'>, clock: Clock): LogProgress {
  const waiters = new Set<Waiter>();
  let isAsking = false;
  let isTicking = false;

  function tick(): void {
    release((waiter) => waiter.endsAt <= clock.elapsed());
    isTicking = waiters.size > 0;
    if (!isTicking) return;
    clock.after(tailTimes.staleMs, tick);
    if (!isAsking) void ask();
  }

  async function ask(): Promise<void> {
    isAsking = true;
    const asked = new Set(waiters);
    try {
      const ends = await log.ends([...new Set([...asked].map(({ channel }) => channel))]);
      release((waiter) => asked.has(waiter) && hasMoved(ends.get(waiter.channel) ?? null, waiter.answer));
    } catch {
      // Each reader finds the same, and says so where it is heard.
      release((waiter) => asked.has(waiter));
    }
    isAsking = false;
  }

  function release(isOver: (waiter: Waiter) => boolean): void {
    for (const waiter of [...waiters].filter(isOver)) {
      waiters.delete(waiter);
      waiter.resolve();
    }
  }

  return {
    past(channel, answer, ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (!isTicking) clock.after(tailTimes.staleMs, tick);
      isTicking = true;
      const waiter = { channel, answer, endsAt: clock.elapsed() + ms, resolve };
      waiters.add(waiter);
      const leave = () => {
        waiters.delete(waiter);
        resolve();
      };
      signal?.addEventListener('abort', leave);
      return promise.finally(() => signal?.removeEventListener('abort', leave));
    },
  };
}

/** Whether the log may answer otherwise now. */
function hasMoved(state: LogState, { until, otherwise }: StaleAnswer): boolean {
  if (state === null) return otherwise.resume.epoch !== null;
  return state.epoch !== otherwise.resume.epoch || compareEventIds(state.last, until) >= 0;
}
