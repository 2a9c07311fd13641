import type { Clock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import { compareEventIds } from '../../core/ids.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createEndQuestions, type EndQuestion } from './end-questions.ts';
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

/** Nothing runs while nobody waits. */
export function createLogProgress(log: Pick<EventLog, 'ends'>, clock: Clock): LogProgress {
  const questions = createEndQuestions(log, clock, 1);
  return {
    past(channel, answer, ms, signal) {
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

/** Whether the log may answer otherwise now. */
function hasMoved(state: LogState, { until, otherwise }: StaleAnswer): boolean {
  if (state === null) return otherwise.resume.epoch !== null;
  return state.epoch !== otherwise.resume.epoch || compareEventIds(state.last, until) >= 0;
}
