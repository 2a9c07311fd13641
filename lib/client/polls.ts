import type { FinishedPoll, Poll, PollSignal } from './connection/state.ts';
import type { PollHost } from './feed.ts';

/**
 * A finished poll in the cache of SWR, which belongs to the app. The content is private: an app that saves its cache
 * saves an empty object, and what it loads again is no instance of this class.
 */
export class PollAnswer {
  readonly #poll: FinishedPoll;

  constructor(poll: FinishedPoll) {
    this.#poll = poll;
  }

  read(): FinishedPoll {
    return this.#poll;
  }
}

/** How something outside of a feed drives its polls, as SWR does in React. */
export type Polls = {
  /** Time in ms until the next poll is due, at least 1. The server's advice, `Retry-After` and the backoff decide it. */
  dueInMs(): number;
  /**
   * Polls if a poll is due; the feed itself takes the result. Never rejects.
   * @returns the answer; the newest known one when no poll is due; null when the feed stopped polling meanwhile.
   */
  ask(): Promise<PollAnswer | null>;
  /** Takes the answer that another feed got, if it is new and fits the own cursor; so only one of the feeds has to ask. */
  take(answer: PollAnswer): void;
};

/** An older answer says nothing of now: its `Retry-After` has been waited for already. */
const maxAgeMs = 1_000;

type Asked = {
  readonly poll: Poll;
  readonly answer: Promise<PollAnswer | null>;
  finish(answer: PollAnswer | null): void;
};

/** Drives the polls of one feed. */
export function createPolls({ clock, app, connection, dispatch, onSignals }: PollHost): Polls {
  let asked: Asked | null = null;
  let newest: PollAnswer | null = null;

  onSignals((signals) => {
    if (asked === null || asked.poll.key === connection().poll?.key) return;
    const { poll, finish } = asked;
    asked = null;
    const isResult = (signal: object): signal is PollSignal => 'poll' in signal && signal.poll === poll.key;
    const result = signals.find(isResult);
    if (result === undefined) return finish(null);
    const { after, startedAt } = poll;
    newest = new PollAnswer({ after, startedAt, finishedAt: clock.elapsed(), result });
    finish(newest);
  });

  function wait(poll: Poll): Asked {
    let finish: Asked['finish'] = () => {};
    const answer = new Promise<PollAnswer | null>((resolve) => {
      finish = resolve;
    });
    return { poll, answer, finish };
  }

  return {
    dueInMs() {
      const now = clock.elapsed();
      return Math.max(1, Math.ceil((connection().pollAt ?? now + 1_000) - now));
    },
    ask() {
      dispatch([{ kind: 'pollDue' }]);
      const { poll } = connection();
      if (poll === null) return Promise.resolve(newest);
      if (asked?.poll.key !== poll.key) asked = wait(poll);
      return asked.answer;
    },
    take(answer) {
      const shared = answer.read();
      if (newest !== null && shared.startedAt <= newest.read().startedAt) return;
      newest = answer;
      if (clock.elapsed() - shared.finishedAt >= maxAgeMs) return;
      void app.whenFree(() => dispatch([{ kind: 'pollShared', shared }]));
    },
  };
}
