import { describe, expect, test } from 'vitest';
import { lockPatienceMs } from '../../../lib/log/sqlite/errors.ts';
import { createStepQueue, maxWaiting, maxWaitingCharacters } from '../../../lib/log/sqlite/step-queue.ts';
import { range } from '../../support/log/log-steps.ts';
import { createManualClock } from '../../support/server/manual-clock.ts';

/** A queue on a file that is locked until `free` is set, and what its steps did, in order. */
function makeQueue() {
  const clock = createManualClock();
  const queue = createStepQueue(clock);
  const file = { isFree: false, tries: 0 };
  const done: unknown[] = [];
  const step = (name: unknown, work = () => {}, characters = 0) =>
    queue.run(() => {
      file.tries += 1;
      if (!file.isFree) throw Object.assign(new Error('database is locked'), { errcode: 5 });
      work();
      done.push(name);
      return name;
    }, characters);
  return { clock, file, done, step };
}

describe('a step queue', () => {
  test('runs a step at once, before the call returns, while the file is free', () => {
    const { file, done, step } = makeQueue();
    file.isFree = true;

    void step(1);

    expect(done).toEqual([1]);
  });

  test('runs what waits in the order of the calls, and what comes meanwhile after it', async () => {
    const { clock, file, done, step } = makeQueue();
    const steps = [step(1), step(2), step(3)];
    await clock.advance(100);
    file.isFree = true;
    steps.push(step(4));
    expect(done).toEqual([]);

    await clock.advance(25);

    expect(done).toEqual([1, 2, 3, 4]);
    expect(await Promise.all(steps)).toEqual([1, 2, 3, 4]);
  });

  test('runs a step that another step causes after those that wait', async () => {
    const { clock, file, done, step } = makeQueue();
    void step(1, () => void step('caused'));
    void step(2);
    file.isFree = true;

    await clock.advance(5);

    expect(done).toEqual([1, 2, 'caused']);
  });

  test('refuses each step 2 s after its own call', async () => {
    const { clock, step } = makeQueue();
    const refused: number[] = [];
    const start = (name: number) => step(name).catch(() => refused.push(name));
    start(1);
    await clock.advance(1_500);
    start(2);

    await clock.advance(lockPatienceMs - 1_501);
    expect(refused).toEqual([]);
    await clock.advance(1);
    expect(refused).toEqual([1]);
    await clock.advance(1_499);
    expect(refused).toEqual([1]);
    await clock.advance(1);
    expect(refused).toEqual([1, 2]);

    await clock.advance(1);
    expect(clock.pending()).toBe(0);
  });

  test('tries the file at most about 100 times in 2 s, however many steps wait', async () => {
    const { clock, file, step } = makeQueue();
    for (const name of range(1, 100)) step(name).catch(() => undefined);

    await clock.advance(lockPatienceMs);

    expect(file.tries).toBeLessThan(100);
    expect(file.tries).toBeGreaterThan(50);
  });

  test('passes on any other error at once, and goes on with the next step', async () => {
    const { clock, file, done, step } = makeQueue();
    const failing = step(1, () => {
      throw new Error('the disk is full');
    });
    const next = step(2);
    file.isFree = true;

    const expected = expect(failing).rejects.toThrow('the disk is full');
    await clock.advance(1);

    await expected;
    expect(await next).toBe(2);
    expect(done).toEqual([2]);
  });

  test('lets other work run between the steps of a long queue', async () => {
    const { clock, file, done, step } = makeQueue();
    for (const name of range(1, 10)) void step(name, () => clock.freeze(4));
    file.isFree = true;
    const seen: number[] = [];
    clock.after(2, () => seen.push(done.length));

    await clock.advance(200);

    expect(seen).toEqual([3]);
    expect(done).toEqual(range(1, 10));
  });

  test('lets other work run between steps that follow each other without end', async () => {
    const { clock, file, done, step } = makeQueue();
    file.isFree = true;
    const seen: number[] = [];
    clock.after(1, () => seen.push(done.length));
    const stepAfterStep = async () => {
      for (const name of range(1, 100)) await step(name, () => clock.freeze(4));
    };

    const all = stepAfterStep();
    await clock.advance(1_000);
    await all;

    expect(seen).toEqual([3]);
    expect(done).toEqual(range(1, 100));
  });

  test('refuses none of many steps that wait for their turn while the file is free', async () => {
    const { clock, file, done, step } = makeQueue();
    file.isFree = true;

    for (const name of range(1, 4 * maxWaiting)) void step(name, () => clock.freeze(1));
    await clock.advance(4_000);

    expect(done).toEqual(range(1, 4 * maxWaiting));
    expect(clock.pending()).toBe(0);
  });

  /** Calls 3,000 steps of 1 ms at once. After 2,500 ms, while many still wait, another process locks the file for `lockMs`. */
  function makeLongQueue(lockMs: number) {
    const { clock, file, done, step } = makeQueue();
    file.isFree = true;
    const refusedAt: number[] = [];
    for (const name of range(1, 3_000)) {
      step(name, () => clock.freeze(1)).catch(() => refusedAt.push(clock.elapsed() - lockedAt));
    }
    let lockedAt = 0;
    clock.after(2_500, () => {
      file.isFree = false;
      lockedAt = clock.elapsed();
      clock.after(lockMs, () => {
        file.isFree = true;
      });
    });
    return { clock, file, done, refusedAt };
  }

  test('refuses none of the steps that have waited for their turn for over 2 s, when a lock is short', async () => {
    const { clock, file, done, refusedAt } = makeLongQueue(2);

    await clock.advance(10_000);

    expect(refusedAt).toEqual([]);
    expect(done).toEqual(range(1, 3_000));
    // The lock refused a try, which then ran again.
    expect(file.tries).toBeGreaterThan(3_000);
  });

  test('refuses them once the lock has lasted 2 s', async () => {
    const { clock, done, refusedAt } = makeLongQueue(60_000);

    await clock.advance(10_000);

    expect(done.length).toBeGreaterThan(1_000);
    expect(refusedAt).toHaveLength(3_000 - done.length);
    expect(Math.min(...refusedAt)).toBeGreaterThanOrEqual(lockPatienceMs);
    expect(Math.max(...refusedAt)).toBeLessThan(lockPatienceMs + 50);
  });

  test('refuses at once a step whose events do not fit beside those that wait, also while the file is free', async () => {
    const { clock, file, done, step } = makeQueue();
    file.isFree = true;
    void step('first', () => clock.freeze(20));
    void step('waits', undefined, maxWaitingCharacters - 1);
    void step('fits', undefined, 1);

    await expect(step('one too many', undefined, 1)).rejects.toMatchObject({
      code: 'log-unavailable',
      message: 'The embedded log failed: too many publish requests wait for their turn. Try again.',
    });

    void step('without events');
    await clock.advance(100);
    void step('later', undefined, maxWaitingCharacters);
    await clock.advance(100);
    expect(done).toEqual(['first', 'waits', 'fits', 'without events', 'later']);
  });

  test('refuses at once what is beyond its limit', async () => {
    const { step, file, clock, done } = makeQueue();
    for (const name of range(1, maxWaiting)) void step(name);

    await expect(step('one too many')).rejects.toMatchObject({
      code: 'log-unavailable',
      message: expect.stringContaining('too many requests wait'),
    });

    file.isFree = true;
    await clock.advance(10);
    expect(done).toHaveLength(maxWaiting);
  });
});
