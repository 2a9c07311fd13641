import type { Clock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import type { EventLog } from '../../log/event-log.ts';

/** The end of a channel, as the log answered; null: the log could not be reached. */
export type EndAnswer = { readonly end: LogState } | null;

/** A question for the end of a channel, which is asked once. */
export type EndQuestion = {
  /** Changes when it may and when it must be asked. A question that was asked stays as it is. */
  move(earliest: number, latest: number): void;
  /** Takes it back. It is not answered any more, even if it was asked. */
  withdraw(): void;
};

/** Asks the log for the ends of channels: many questions share one call. */
export type EndQuestions = {
  /**
   * Asks for the end of `channel`, at `earliest` at the earliest and at `latest` at the latest, both in ms on the clock's
   * `elapsed`. When one question must be asked, all that may be asked go with it.
   */
  ask(channel: string, earliest: number, latest: number, onAnswer: (answer: EndAnswer) => void): EndQuestion;
};

type Open = {
  readonly channel: string;
  earliest: number;
  latest: number;
  /** null: withdrawn. */
  onAnswer: ((answer: EndAnswer) => void) | null;
};

/** Nothing runs while there is no question. @param maxCalls calls under way at the same time, at most. */
export function createEndQuestions(
  log: Pick<EventLog, 'ends'>,
  clock: Clock,
  maxCalls = Infinity,
): EndQuestions {
  const open = new Set<Open>();
  let calls = 0;
  let timerAt = Infinity;
  let cancelTimer = () => {};

  /** Asks what must be asked by now, and sets the timer for the rest. */
  function update(): void {
    setTimer(Infinity);
    if (calls >= maxCalls) return;
    const now = clock.elapsed();
    if (nextLatest() <= now) void call([...open].filter(({ earliest }) => earliest <= now));
    if (calls < maxCalls) setTimer(nextLatest());
  }

  function nextLatest(): number {
    let next = Infinity;
    for (const { latest } of open) next = Math.min(next, latest);
    return next;
  }

  function setTimer(at: number): void {
    if (at === timerAt) return;
    cancelTimer();
    timerAt = at;
    cancelTimer = at === Infinity ? () => {} : clock.after(at - clock.elapsed(), update);
  }

  async function call(asked: readonly Open[]): Promise<void> {
    calls += 1;
    for (const question of asked) open.delete(question);
    const channels = [...new Set(asked.map(({ channel }) => channel))];
    // The caller meets the failure again when it reads, and reports it where readers see it.
    const ends = await log.ends(channels).catch(() => null);
    for (const { channel, onAnswer } of asked) {
      onAnswer?.(ends === null ? null : { end: ends.get(channel) ?? null });
    }
    calls -= 1;
    // As long as fewer calls than allowed are under way, the timer is right as it is.
    if (calls === maxCalls - 1) update();
  }

  return {
    ask(channel, earliest, latest, onAnswer) {
      const question: Open = { channel, earliest, latest, onAnswer };
      open.add(question);
      if (latest < timerAt) update();
      return {
        // A timer that goes off too early is set again then, so that a channel that is never quiet moves none.
        move(nextEarliest, nextLatest) {
          question.earliest = nextEarliest;
          question.latest = nextLatest;
          if (nextLatest < timerAt && open.has(question)) update();
        },
        withdraw() {
          question.onAnswer = null;
          open.delete(question);
          if (open.size === 0) setTimer(Infinity);
        },
      };
    },
  };
}
