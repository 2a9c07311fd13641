import type { Clock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import { compareEventIds, type EventId } from '../../core/ids.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createEndQuestions, type EndAnswer, type EndQuestion } from './end-questions.ts';
import { tailTimes } from './tail-times.ts';

/**
 * Compares a tail with the log's end, because an announcement may never arrive: after the channel was quiet for a while,
 * which finds a subscription that has gone deaf, and after a subscription was acknowledged.
 */
export type LivenessCheck = {
  /** An announcement arrived, which proves the subscription. */
  announced(): void;
  /** Asks for the log's end: `now` and again a second later, as a replica may lag; or only `later`, in a second. */
  askEnd(when: 'now' | 'later'): void;
  /** Only a `live` tail is checked; the others read the log anyway. A question asked before a break is not answered. */
  setStatus(status: TailState): void;
  close(): void;
};

/** `connecting`: no subscription is acknowledged. `failing`: the log cannot be read. */
type TailState = 'connecting' | 'failing' | 'live';

export type LivenessOptions = {
  readonly channel: string;
  /** How long the channel may be quiet before the log is asked, in ms. */
  readonly checkMs: number;
  /** Whether the ring ends where the log does. */
  readonly isAtEnd: (end: LogState) => boolean;
  readonly newestAnnounced: () => EventId | null;
  readonly onAnswer: (answer: EndAnswer) => void;
  /** Called when the log has what the subscription did not announce in time. */
  readonly onDeaf: () => void;
};

/** The checks of all tails of a process, which share their calls. */
export type LivenessChecks = {
  /** Starts with a tail that is `connecting`. */
  start(options: LivenessOptions): LivenessCheck;
};

/** Nothing runs while there is no tail. */
export function createLivenessChecks(log: Pick<EventLog, 'ends'>, clock: Clock): LivenessChecks {
  const questions = createEndQuestions(log, clock);
  const connecting = new Set<LivenessCheck>();

  return {
    start({ channel, checkMs, isAtEnd, newestAnnounced, onAnswer, onDeaf }) {
      const silence = createSilence(clock, checkMs);
      let status: TailState = 'connecting';
      let question: EndQuestion | null = null;
      /** Verifications to come; the check of silence waits for them. */
      let verificationsLeft = 0;
      let cancelDeaf = () => {};

      function ask(earliest: number, latest: number): void {
        question?.withdraw();
        const isVerification = verificationsLeft > 0;
        question = questions.ask(channel, earliest, latest, (answer) => receive(answer, isVerification));
      }

      function askNext(): void {
        if (verificationsLeft > 0) {
          const latest = clock.elapsed() + tailTimes.rereadMs;
          ask(latest - tailTimes.gatherMs, latest);
        } else {
          const { earliest, latest } = silence.window();
          ask(earliest, latest);
        }
      }

      function receive(answer: EndAnswer, isVerification: boolean): void {
        if (!isVerification) silence.checked();
        else if (clock.elapsed() >= silence.window().earliest) silence.postponed();
        if (isVerification) verificationsLeft -= 1;
        // A ring may well differ after a break. Without one, only an announcement on its way explains a difference.
        if (!isVerification && answer !== null && !isAtEnd(answer.end)) expectAnnouncement(answer.end);
        askNext();
        onAnswer(answer);
      }

      /** An announcement that does not arrive within a second means that the subscription is deaf. */
      function expectAnnouncement(end: LogState): void {
        cancelDeaf();
        cancelDeaf = clock.after(tailTimes.rereadMs, () => {
          const newest = newestAnnounced();
          const hasArrived = end !== null && newest !== null && compareEventIds(newest, end.last) >= 0;
          if (!hasArrived) onDeaf();
        });
      }

      function stop(): void {
        question?.withdraw();
        question = null;
      }

      const check: LivenessCheck = {
        announced() {
          silence.broken();
          if (question === null || verificationsLeft > 0) return;
          const { earliest, latest } = silence.window();
          question.move(earliest, latest);
        },
        askEnd(when) {
          verificationsLeft = when === 'now' ? 2 : 1;
          if (when === 'later') return askNext();
          // Subscriptions that broke together come back together, so the first waits a moment for the others.
          const now = clock.elapsed();
          ask(now, connecting.size > 0 ? now + tailTimes.gatherMs : now);
        },
        setStatus(next) {
          if (next === status) return;
          status = next;
          stop();
          if (next === 'connecting') {
            connecting.add(check);
            verificationsLeft = 0;
            cancelDeaf();
          } else {
            connecting.delete(check);
            if (next === 'live') askNext();
          }
        },
        close() {
          stop();
          connecting.delete(check);
          cancelDeaf();
        },
      };
      connecting.add(check);
      return check;
    },
  };
}

/**
 * Decides when a quiet tail asks the log whether it missed events: after three times the channel's usual pause, 5 s at
 * the earliest, then after twice as long each time, up to `maxMs`.
 */
export type Silence = {
  /** An announcement arrived. */
  broken(): void;
  /** The log was asked because of the silence: the next check waits twice as long. */
  checked(): void;
  /** The log was asked for another reason: the next check waits as long again. */
  postponed(): void;
  /** When the next check may be made, together with one that must be, and when it must be; on the clock's `elapsed`. */
  window(): { readonly earliest: number; readonly latest: number };
};

/** Starts now, with a check due after the shortest time. */
export function createSilence(clock: Clock, maxMs: number): Silence {
  const firstMs = Math.min(tailTimes.firstCheckMs, maxMs);
  let usualPauseMs = 0;
  let brokenAt: number | null = null;
  let pauseMs = firstMs;
  let earliest = clock.elapsed() + firstMs;
  let latest = earliest;

  return {
    broken() {
      const now = clock.elapsed();
      if (brokenAt !== null) usualPauseMs += (now - brokenAt - usualPauseMs) / 4;
      brokenAt = now;
      pauseMs = Math.min(maxMs, Math.max(firstMs, 3 * usualPauseMs));
      earliest = now + firstMs;
      latest = now + pauseMs;
    },
    checked() {
      pauseMs = Math.min(maxMs, pauseMs * 2);
      latest = clock.elapsed() + pauseMs;
    },
    postponed() {
      latest = clock.elapsed() + pauseMs;
    },
    window: () => ({ earliest, latest }),
  };
}
