import { describe, expect, test } from 'vitest';
import { type Clock, wait } from '../../lib/core/clock.ts';

/** A clock with at most one timer, which goes off by hand. */
function handClock() {
  const timers = new Map<() => void, number>();
  const clock: Clock = {
    now: () => 0,
    elapsed: () => 0,
    after(ms, run) {
      timers.set(run, ms);
      return () => timers.delete(run);
    },
    random: () => 0,
  };
  const goOff = () => {
    for (const run of [...timers.keys()]) run();
  };
  return { clock, timers, goOff };
}

const isOver = (waiting: Promise<void>) => Promise.race([waiting.then(() => true), Promise.resolve(false)]);

describe('wait', () => {
  test('is over when its time is up, and not before', async () => {
    const { clock, timers, goOff } = handClock();
    const waiting = wait(clock, 500);
    expect([...timers.values()]).toEqual([500]);
    expect(await isOver(waiting)).toBe(false);

    goOff();

    await waiting;
    expect(timers.size).toBe(0);
  });

  test('is over when its signal aborts, and leaves no timer', async () => {
    const { clock, timers } = handClock();
    const abort = new AbortController();
    const waiting = wait(clock, 500, abort.signal);

    abort.abort();

    await waiting;
    expect(timers.size).toBe(0);
  });

  test('does not begin when its signal has aborted', async () => {
    const { clock, timers } = handClock();

    await wait(clock, 500, AbortSignal.abort());

    expect(timers.size).toBe(0);
  });

  test('whose time is up lets go of its signal', async () => {
    const { clock, goOff } = handClock();
    const { signal } = new AbortController();
    const removed: string[] = [];
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (type: string, run: EventListenerOrEventListenerObject) => {
      removed.push(type);
      remove(type, run);
    };
    const waiting = wait(clock, 500, signal);

    goOff();
    await waiting;

    expect(removed).toEqual(['abort']);
  });
});
