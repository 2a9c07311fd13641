import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EventLog, FollowSignal } from '../../../lib/log/event-log.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { listen } from '../../support/log/listener.ts';
import { newEvents, range } from '../../support/log/log-steps.ts';
import { type RedisStack, secretToken, useRedisStack } from '../../support/log/redis-stack.ts';
import { eventually } from '../../support/node/eventually.ts';
import { createManualClock } from '../../support/server/manual-clock.ts';

const limitReached = 'max requests limit exceeded. Limit: 500000, Usage: 500001.';

const planLimit = (retryAfterSeconds: number) => ({
  code: 'log-unavailable',
  message: 'Redis has reached a limit of its plan.',
  retryAfterSeconds,
});

describe('a Redis that refuses everything', () => {
  const stack = useRedisStack();

  /** A log whose clock is moved by hand. */
  function openLog({ upstash }: RedisStack, timeoutMs = 8_000) {
    const clock = createManualClock();
    const log = createRedisLog({ url: upstash.url, token: secretToken, retention: 100, clock, timeoutMs });
    const wait = (seconds: number) => clock.freeze(seconds * 1_000);
    return { log, wait };
  }

  /** Resolves when a subscription is connected, and rejects when it is lost. */
  function follow(log: EventLog): Promise<unknown> {
    const abort = new AbortController();
    return new Promise((resolve, reject) => {
      const onSignal = (signal: FollowSignal) => {
        abort.abort();
        if (signal.kind === 'lost') reject(signal.cause);
        else resolve(signal);
      };
      log.follow('feed', onSignal, abort.signal);
    });
  }

  /** Everything that a process asks of its log; the outcome of each. */
  function askEverything(log: EventLog): Promise<PromiseSettledResult<unknown>[]> {
    return Promise.allSettled([
      log.append({ events: newEvents('feed', 1), key: null }),
      log.read('feed', { kind: 'newest' }, 10),
      log.ends(['feed']),
      log.ends([]),
      follow(log),
    ]);
  }

  test.each(['ERR ', ''])('is asked no more for the 60 s that it named: %s', async (prefix) => {
    const { log, wait } = openLog(stack());
    stack().upstash.faults.errorText = `${prefix}${limitReached}`;
    await expect(log.read('feed', { kind: 'newest' }, 10)).rejects.toMatchObject(planLimit(60));
    stack().upstash.resetCounts();

    for (const _ of range(1, 59)) {
      wait(1);
      for (const outcome of await askEverything(log)) expect(outcome.status).toBe('rejected');
    }

    expect(stack().upstash.counts.requests).toBe(0);
    const [append] = await askEverything(log);
    expect(append).toMatchObject({ reason: planLimit(1) });
    log.close();
  });

  test('is asked by one probe after that time, however many calls wait', async () => {
    const { log, wait } = openLog(stack());
    stack().upstash.faults.errorText = limitReached;
    stack().upstash.faults.refuseSubscriptions = 400;
    await expect(log.read('feed', { kind: 'newest' }, 10)).rejects.toMatchObject(planLimit(60));
    stack().upstash.resetCounts();

    for (const _ of range(1, 10)) {
      wait(60);
      const outcomes = (await Promise.all(range(1, 20).map(() => askEverything(log)))).flat();
      for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: planLimit(60) });
    }

    expect(stack().upstash.counts.requests).toBe(10);
    log.close();
  });

  test.each([
    ['a health check', (log: EventLog) => log.ends([])],
    ['a subscription', (log: EventLog) => listen(log, 'feed')],
  ])('is still asked by one call only after %s has worked', async (_, call) => {
    const { log, wait } = openLog(stack());
    stack().upstash.faults.errorText = limitReached;
    await expect(log.read('feed', { kind: 'newest' }, 10)).rejects.toMatchObject(planLimit(60));
    wait(60);
    // The service may let these pass at the limit.
    stack().upstash.faults.errorText = null;
    await call(log);
    stack().upstash.faults.errorText = limitReached;
    stack().upstash.resetCounts();

    const reads = await Promise.allSettled(range(1, 20).map(() => log.read('feed', { kind: 'newest' }, 10)));

    for (const read of reads) expect(read).toMatchObject({ reason: planLimit(60) });
    expect(stack().upstash.counts.requests).toBe(1);
    log.close();
  });

  test('works for all at once, when the probe has found that it works', async () => {
    const { log, wait } = openLog(stack());
    stack().upstash.faults.errorText = limitReached;
    await expect(log.read('feed', { kind: 'newest' }, 10)).rejects.toMatchObject(planLimit(60));
    stack().upstash.faults.errorText = null;
    wait(60);

    const outcomes = (await Promise.all(range(1, 5).map(() => askEverything(log)))).flat();

    expect(outcomes.map(({ status }) => status)).toEqual(outcomes.map(() => 'fulfilled'));
    log.close();
  });

  test('is asked by the other calls too, if the probe fails for a reason of its own', async () => {
    const { log, wait } = openLog(stack());
    stack().upstash.faults.errorText = limitReached;
    await expect(log.read('feed', { kind: 'newest' }, 10)).rejects.toMatchObject(planLimit(60));
    stack().upstash.faults.errorText = null;
    wait(60);
    const probe = log.append({ events: newEvents('feed', 1), key: null });
    stack().upstash.faults.nextCalls.push('drop');

    const reading = log.read('feed', { kind: 'newest' }, 10);

    await expect(probe).rejects.toMatchObject({ message: 'Redis cannot be reached.' });
    expect((await reading).events).toEqual([]);
    log.close();
  });

  test('is asked by another call, if the probe is a subscription that nobody needs any more', async () => {
    const { log, wait } = openLog(stack());
    stack().upstash.faults.errorText = limitReached;
    await expect(log.read('feed', { kind: 'newest' }, 10)).rejects.toMatchObject(planLimit(60));
    stack().upstash.faults.errorText = null;
    stack().upstash.faults.latencyMs = 50;
    wait(60);
    const abort = new AbortController();
    log.follow('feed', () => undefined, abort.signal);
    const reading = log.read('feed', { kind: 'newest' }, 10);

    abort.abort();

    expect((await reading).events).toEqual([]);
    log.close();
  });

  test('answers a read without waiting for slow subscriptions, and they go on when it has worked', async () => {
    const { log, wait } = openLog(stack());
    const { faults, counts } = stack().upstash;
    faults.errorText = limitReached;
    await expect(log.read('feed', { kind: 'newest' }, 10)).rejects.toMatchObject(planLimit(60));
    faults.errorText = null;
    wait(60);
    faults.latencyMs = 60_000;
    const before = counts.requests;
    const abort = new AbortController();
    const connected: number[] = [];
    for (const name of range(1, 5)) log.follow('feed', () => connected.push(name), abort.signal);
    await eventually('one of them is asked', 5_000, () => counts.requests === before + 1);
    faults.latencyMs = 0;

    expect((await log.read('feed', { kind: 'newest' }, 10)).events).toEqual([]);

    await eventually('the others are connected', 5_000, () => connected.length === 4);
    expect(connected.toSorted()).toEqual([2, 3, 4, 5]);
    abort.abort();
    log.close();
  });

  test('answers a call that waits for the probe within the same time as any other', async () => {
    const { log, wait } = openLog(stack(), 2_000);
    const other = openLog(stack(), 2_000).log;
    stack().upstash.faults.errorText = limitReached;
    await expect(log.read('feed', { kind: 'newest' }, 10)).rejects.toMatchObject(planLimit(60));
    wait(60);
    stack().upstash.faults.latencyMs = 60_000;
    const isRejected = (call: Promise<unknown>) => call.catch(({ message }) => message);
    const probe = isRejected(log.append({ events: newEvents('feed', 1), key: null }));
    await setTimeout(1_000);

    const waiting = isRejected(log.append({ events: newEvents('feed', 1), key: null }));
    const tooLate = isRejected(other.ends(['feed'])).then(() => setTimeout(500, 'too late'));

    expect(await Promise.race([waiting, tooLate])).toBe('Redis did not answer in time.');
    expect(await probe).toBe('Redis did not answer in time.');
    log.close();
    other.close();
  });

  test.each([
    ['subscribe', follow],
    ['ping', (log: EventLog) => log.ends([])],
  ] as const)(
    'that refuses only %s to its user is still asked by appends and reads',
    async (command, call) => {
      const { log } = openLog(stack());
      const { faults } = stack().upstash;
      faults.errorText = `NOPERM this user has no permissions to run the '${command}' command`;
      faults.refuseSubscriptions = 400;
      await expect(call(log)).rejects.toMatchObject({
        message: expect.stringContaining('its user has too few rights'),
        retryAfterSeconds: 30,
      });
      faults.errorText = null;

      expect((await log.read('feed', { kind: 'newest' }, 10)).events).toEqual([]);
      log.close();
    },
  );

  test.each([
    "OOM command not allowed when used memory > 'maxmemory'.",
    'WRONGTYPE Operation against a key holding the wrong kind of value',
    "READONLY You can't write against a read only replica.",
    'ERR max concurrent connections exceeded',
    'LOADING Redis is loading the dataset in memory',
  ])('for one call only is asked by the others: %s', async (text) => {
    const { log } = openLog(stack());
    stack().upstash.faults.errorText = text;
    await expect(log.append({ events: newEvents('feed', 1), key: null })).rejects.toMatchObject({
      code: 'log-unavailable',
    });
    stack().upstash.faults.errorText = null;

    expect((await log.read('feed', { kind: 'newest' }, 10)).events).toEqual([]);
    log.close();
  });
});
