import type { FinishedPoll, Poll, PollSignal } from './connection/state.ts';
import type { PollHost } from './feed.ts';

/**
 * A finished poll in SWR's cache. The cache belongs to the app, which may write it to disk: private content becomes an
 * empty object there, and an object that comes back from disk is no instance of this class.
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

/** Lets something outside a feed drive its polls, as SWR does in React. */
export type Polls = {
  /** Time until the next poll is due, in ms, at least 1. It follows from the server's advice, `Retry-After` and the backoff. */
  dueInMs(): number;
  /**
   * Polls if a poll is due. The feed takes the result. Never rejects.
   * @returns the answer; if no poll is due, the newest answer so far; null if the feed stopped polling before the answer.
   */
  ask(): Promise<PollAnswer | null>;
  /** Takes an answer that another feed of the page got, so that only one of them has to poll. */
  take(answer: PollAnswer): void;
  /** Polls without anything outside that asks, up to a second late. @returns a function that ends it. */
  driveAlone(): () => void;
};

/** Older answers are ignored: SWR's cache may hold one from long ago, and its `Retry-After` is over. */
const maxAgeMs = 1_000;

type Asked = {
  readonly poll: Poll;
  readonly answer: Promise<PollAnswer | null>;
  finish(answer: PollAnswer | null): void;
};

/** Makes the polls of one feed. */
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
    const { after, restMs, startedAt } = poll;
    newest = new PollAnswer({ after, restMs, startedAt, finishedAt: clock.elapsed(), result });
    finish(newest);
  });

  function wait(poll: Poll): Asked {
    let finish: Asked['finish'] = () => {};
    const answer = new Promise<PollAnswer | null>((resolve) => {
      finish = resolve;
    });
    return { poll, answer, finish };
  }

  function dueInMs(): number {
    const now = clock.elapsed();
    return Math.max(1, Math.ceil((connection().pollAt ?? now + 1_000) - now));
  }

  function ask(): Promise<PollAnswer | null> {
    dispatch([{ kind: 'pollDue' }]);
    const { poll } = connection();
    if (poll === null) return Promise.resolve(newest);
    if (asked?.poll.key !== poll.key) asked = wait(poll);
    return asked.answer;
  }

  return {
    dueInMs,
    ask,
    take(answer) {
      const shared = answer.read();
      if (newest !== null && shared.startedAt <= newest.read().startedAt) return;
      newest = answer;
      if (clock.elapsed() - shared.finishedAt >= maxAgeMs) return;
      void app.whenFree(() => dispatch([{ kind: 'pollShared', shared }]));
    },
    driveAlone() {
      let cancel = () => {};
      const poll = () => {
        void ask();
        // The next poll can become due earlier, for example when the page is shown.
        cancel = clock.after(Math.min(1_000, dueInMs()), poll);
      };
      poll();
      return () => cancel();
    },
  };
}
