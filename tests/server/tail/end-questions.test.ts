import { describe, expect, test } from 'vitest';
import { createEndQuestions, type EndAnswer } from '../../../lib/server/tail/end-questions.ts';
import { range } from '../../support/log/log-steps.ts';
import { makeStand } from '../../support/server/stand.ts';

/** A log with an event in `a`, and what it is asked: the time since the start, and the channels. */
function makeQuestions(maxCalls?: number) {
  const { clock, log, publish } = makeStand();
  const startedAt = clock.elapsed();
  const calls: string[] = [];
  const { ends } = log;
  log.ends = (channels) => {
    calls.push(`${clock.elapsed() - startedAt}: ${channels.join()}`);
    return ends(channels);
  };
  const questions = createEndQuestions(log, clock, maxCalls);
  const answers: string[] = [];
  const note = (name: string) => (answer: EndAnswer) => {
    const seq = answer === null ? 'failed' : (answer.end?.last.seq ?? 'empty');
    answers.push(`${clock.elapsed() - startedAt}: ${name} ${seq}`);
  };
  /** Asks between two times since the start. */
  const ask = (channel: string, earliest: number, latest: number, name = channel) =>
    questions.ask(channel, startedAt + earliest, startedAt + latest, note(name));
  const at = (ms: number) => startedAt + ms;
  return { clock, log, publish, calls, answers, ask, at };
}

describe('a question for the end of a channel', () => {
  test('is asked at its latest time, and answered', async () => {
    const { clock, publish, calls, answers, ask } = makeQuestions();
    await publish(2, 'a');
    ask('a', 0, 100);
    ask('b', 0, 100);

    await clock.advance(99);
    expect(calls).toEqual([]);
    await clock.advance(1);

    expect(calls).toEqual(['100: a,b']);
    expect(answers).toEqual(['100: a 2', '100: b empty']);
    expect(clock.pending()).toBe(0);
  });

  test('whose latest time is now is asked at once', () => {
    const { calls, ask } = makeQuestions();

    ask('a', 0, 0);

    expect(calls).toEqual(['0: a']);
  });

  test('takes all others along whose earliest time has come, each channel once', async () => {
    const { clock, calls, answers, ask } = makeQuestions();
    ask('a', 0, 500, 'first');
    ask('a', 100, 900, 'second');
    ask('b', 101, 900);
    ask('c', 0, 100);

    await clock.advance(899);
    expect(calls).toEqual(['100: a,c']);
    await clock.advance(1);

    expect(calls.slice(1)).toEqual(['900: b']);
    expect(answers).toEqual(['100: first empty', '100: second empty', '100: c empty', '900: b empty']);
  });

  test('asked during a call is not answered by it', async () => {
    const { clock, log, publish, calls, answers, ask } = makeQuestions();
    log.answerMs = 50;
    ask('a', 0, 0, 'first');
    await clock.advance(10);
    await publish(1, 'a');
    ask('a', 10, 20, 'second');

    await clock.advance(100);

    expect(calls).toEqual(['0: a', '20: a']);
    expect(answers).toEqual(['50: first empty', '70: second 1']);
  });

  test('that was moved is asked at its new time', async () => {
    const { clock, calls, ask, at } = makeQuestions();
    const [later, sooner] = [ask('later', 0, 100), ask('sooner', 200, 300)];
    later.move(at(350), at(400));
    await clock.advance(100);
    expect(calls).toEqual([]);

    sooner.move(at(100), at(150));
    await clock.advance(300);

    expect(calls).toEqual(['150: sooner', '400: later']);
  });

  test('that was withdrawn is not asked, and leaves no timer behind', async () => {
    const { clock, calls, ask } = makeQuestions();

    ask('a', 0, 100).withdraw();

    expect(clock.pending()).toBe(0);
    await clock.advance(200);
    expect(calls).toEqual([]);
  });

  test('that was withdrawn after it was asked is not answered', async () => {
    const { clock, log, answers, ask } = makeQuestions();
    log.answerMs = 50;
    const question = ask('a', 0, 0);
    await clock.advance(10);

    question.withdraw();
    await clock.advance(100);

    expect(answers).toEqual([]);
  });

  test('to a log that cannot be reached is answered with that', async () => {
    const { clock, log, answers, ask } = makeQuestions();
    log.isDown = true;
    for (const channel of ['a', 'b']) ask(channel, 0, 100);

    await clock.advance(100);

    expect(answers).toEqual(['100: a failed', '100: b failed']);
  });
});

describe('questions that may make one call at a time', () => {
  test('wait for the call under way, then share the next', async () => {
    const { clock, log, calls, answers, ask } = makeQuestions(1);
    log.answerMs = 500;
    for (const number of range(0, 4)) ask(`c${number}`, number * 100, number * 100);

    await clock.advance(1_500);

    expect(calls).toEqual(['0: c0', '500: c1,c2,c3,c4']);
    expect(answers).toHaveLength(5);
  });

  test('make one call at a time, also if each answer leads to another question', async () => {
    const { clock, log, calls, at } = makeQuestions(1);
    log.answerMs = 100;
    const questions = createEndQuestions(log, clock, 1);
    const askAgain = (channel: string) => () => {
      const now = clock.elapsed();
      questions.ask(channel, now, now + 250, askAgain(channel));
    };
    for (const channel of ['a', 'b']) askAgain(channel)();

    await clock.advance(1_000);

    expect(calls).toEqual(['250: a,b', '600: a,b', '950: a,b']);
    expect(clock.elapsed()).toBe(at(1_000));
  });
});
