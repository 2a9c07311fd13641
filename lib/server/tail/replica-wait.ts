import type { Clock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import { compareEventIds } from '../../core/ids.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createEndQuestions, type EndQuestion } from './end-questions.ts';
import type { StaleAnswer } from './read-through.ts';
import { tailTimes } from './tail-times.ts';

/**
 * Waits for a lagging replica to catch up with the positions of readers. Any reader can claim a position that the log has
 * not reached, so the wait must stay cheap: all readers of a process share one call at a time for the ends of their
 * channels, four times a second, and a reader reads again only when its answer may have changed.
 */
export type ReplicaWait = {
  /**
   * Resolves when a read may give another answer: the log has reached what the answer lacked, or it started again, or it
   * cannot be reached, which the reader then finds by itself. It also resolves after `ms`, and when `signal` aborts.
   */
  untilCaughtUp(channel: string, answer: StaleAnswer, ms: number, signal?: AbortSignal): Promise<void>;
};

/** Nothing runs while nobody waits. */
export function createReplicaWait(log: Pick<EventLog, 'ends'>, clock: Clock): ReplicaWait {
  const questions = createEndQuestions(log, clock, 1);
  return {
    untilCaughtUp(channel, answer, ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const cancelTimer = clock.after(ms, stop);
      let question = ask();
      signal?.addEventListener('abort', stop);

      function ask(): EndQuestion {
        const now = clock.elapsed();
        return questions.ask(channel, now, now + tailTimes.staleMs, (found) => {
          if (found === null || hasMoved(found.end, answer)) stop();
          else question = ask();
        });
      }

      function stop(): void {
        question.withdraw();
        cancelTimer();
        signal?.removeEventListener('abort', stop);
        resolve();
      }

      return promise;
    },
  };
}

/** Whether a read may give another answer than before. */
function hasMoved(state: LogState, { until, otherwise }: StaleAnswer): boolean {
  if (state === null) return otherwise.resume.epoch !== null;
  return state.epoch !== otherwise.resume.epoch || compareEventIds(state.last, until) >= 0;
}
