import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Clock, serverClock, systemClock, wait } from '../../lib/core/clock.ts';

/** A clock whose timers fire by hand. */
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
  const fireTimers = () => {
    for (const run of [...timers.keys()]) run();
  };
  return { clock, timers, fireTimers };
}

const isDone = (waiting: Promise<void>) => Promise.race([waiting.then(() => true), Promise.resolve(false)]);

describe('wait', () => {
  test('resolves when its time is over, and not before', async () => {
    const { clock, timers, fireTimers } = handClock();
    const waiting = wait(clock, 500);
    expect([...timers.values()]).toEqual([500]);
    expect(await isDone(waiting)).toBe(false);

    fireTimers();

    await waiting;
    expect(timers.size).toBe(0);
  });

  test('resolves when its signal aborts, and cancels its timer', async () => {
    const { clock, timers } = handClock();
    const abort = new AbortController();
    const waiting = wait(clock, 500, abort.signal);

    abort.abort();

    await waiting;
    expect(timers.size).toBe(0);
  });

  test('starts no timer when its signal has already aborted', async () => {
    const { clock, timers } = handClock();

    await wait(clock, 500, AbortSignal.abort());

    expect(timers.size).toBe(0);
  });

  test('stops listening to its signal when its time is over', async () => {
    const { clock, fireTimers } = handClock();
    const { signal } = new AbortController();
    const removed: string[] = [];
    const remove = signal.removeEventListener.bind(signal);
    signal.removeEventListener = (type: string, run: EventListenerOrEventListenerObject) => {
      removed.push(type);
      remove(type, run);
    };
    const waiting = wait(clock, 500, signal);

    fireTimers();
    await waiting;

    expect(removed).toEqual(['abort']);
  });
});

describe('a waiting timer', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** Whether a timer of this clock keeps a Node process alive. */
  function keepsProcess(clock: Clock): boolean {
    const started = vi.spyOn(globalThis, 'setTimeout');
    const cancel = clock.after(60_000, () => undefined);
    const [result] = started.mock.results;
    const isKept = result?.value.hasRef();
    cancel();
    return isKept;
  }

  test('of the system clock keeps the process alive', () => {
    expect(keepsProcess(systemClock)).toBe(true);
  });

  test('of the server clock does not keep the process alive', () => {
    expect(keepsProcess(serverClock)).toBe(false);
  });
});
