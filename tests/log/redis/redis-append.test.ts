import { describe, expect, test } from 'vitest';
import { maxRead } from '../../../lib/log/event-log.ts';
import { rateKey, streamKey } from '../../../lib/log/redis/storage.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvent, newEvents, range, readAll, seqs, stateOf } from '../../support/log/log-steps.ts';
import { useRedisStack } from '../../support/log/redis-stack.ts';

const entry = ['epoch', 'aaaaaa', 'event', '{"type":"message","data":1}'];
const key = { name: 'k', fingerprint: 'f' };

describe('append over Redis', () => {
  const stack = useRedisStack();

  test.each([1, 100, 500])('an append of %i events is one command in one HTTP request', async (count) => {
    const log = stack().open();

    await log.append({ events: newEvents('feed', count), key });

    expect(stack().upstash.counts).toMatchObject({ requests: 1, commands: 1 });
    expect([...stack().upstash.counts.byName]).toEqual([['EVAL', 1]]);
  });

  test('an append to 20 channels is one command', async () => {
    const log = stack().open();

    await log.append({ events: range(1, 20).map((number) => newEvent(`c${number}`)), key });

    expect(stack().upstash.counts).toMatchObject({ requests: 1, commands: 1 });
  });

  test('when one channel cannot be written, nothing of the request is: no event, key or announcement', async () => {
    const log = stack().open();
    const listener = await listen(log, 'good');
    await stack().redis.set(streamKey('broken'), 'not a stream');

    const events = [newEvent('good'), newEvent('broken')];
    await expect(log.append({ events, key })).rejects.toMatchObject({ code: 'log-unavailable' });

    expect(await stack().redis.keys('*')).toEqual([streamKey('broken')]);
    await appendTo(log, 'good', 1);
    await listener.receives(1);
    expect(seqs(listener.events())).toEqual([1]);
  });

  test('a Redis without memory stores nothing, and stores the same request when it has memory', async () => {
    const log = stack().open();
    const request = { events: [...newEvents('a', 200), ...newEvents('b', 200)], key };
    await stack().redis.config('SET', 'maxmemory', '1');
    const refused = await log.append(request).catch((error: Error) => error);
    await stack().redis.config('SET', 'maxmemory', '0');

    expect(refused).toMatchObject({ code: 'log-unavailable', message: expect.stringContaining('full') });
    expect(await stack().redis.dbsize()).toBe(0);
    expect((await log.append(request)).duplicate).toBe(false);
  });

  test('a full Redis refuses more events of a channel, and keeps the stored ones', async () => {
    const log = stack().open();
    await appendTo(log, 'feed', 1);
    await stack().redis.config('SET', 'maxmemory', '1');
    const refused = await log
      .append({ events: newEvents('feed', 2), key: null })
      .catch((error: Error) => error);
    await stack().redis.config('SET', 'maxmemory', '0');

    expect(refused).toMatchObject({ code: 'log-unavailable' });
    expect(seqs(await readAll(log, 'feed'))).toEqual([1]);
  });

  test('an append whose answer was lost is stored once when it is retried with its key', async () => {
    const log = stack().open();
    stack().upstash.faults.nextCalls.push('lose-answer');

    await expect(log.append({ events: newEvents('feed', 3), key })).rejects.toMatchObject({
      code: 'log-unavailable',
    });
    const again = await log.append({ events: newEvents('feed', 3), key });

    expect(again).toMatchObject({ duplicate: true });
    expect(seqs(again.ids)).toEqual([1, 2, 3]);
    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3]);
  });

  test.each(['fail', 'drop', 'lose-answer'] as const)(
    'a call that fails with %s is not retried',
    async (fault) => {
      const log = stack().open();
      stack().upstash.faults.nextCalls.push(fault);

      await expect(log.append({ events: newEvents('feed', 1), key: null })).rejects.toThrow();

      expect(stack().upstash.counts.requests).toBe(1);
    },
  );

  test('a stream without entries is a lost log: it starts at seq 1, in another epoch, at the present time', async () => {
    const log = stack().open();
    // With a time after now: a stream without entries remembers its last id, and refuses lower ones.
    await stack().redis.xadd(streamKey('feed'), '4000000000000-5', ...entry);
    await stack().redis.xtrim(streamKey('feed'), 'MAXLEN', 0);
    expect((await log.read('feed', { kind: 'newest' }, 5)).state).toBeNull();

    await appendTo(log, 'feed', 2);

    const { epoch, first } = await stateOf(log, 'feed');
    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2]);
    expect(epoch).not.toBe('aaaaaa');
    expect(first.time).toBeLessThan(4_000_000_000_000);
  });

  test('times and seqs of 13 and 16 digits stay exact', async () => {
    const log = stack().open();
    const time = 4_000_000_000_000;
    const seq = 9_007_199_254_740_000;
    await stack().redis.xadd(streamKey('feed'), `${time}-${seq}`, ...entry);

    const { ids } = await log.append({ events: newEvents('feed', 2), key: null });

    expect(ids).toEqual([
      { time, seq: seq + 1 },
      { time, seq: seq + 2 },
    ]);
    expect(seqs((await log.read('feed', { kind: 'newest' }, maxRead)).events)).toEqual([
      seq,
      seq + 1,
      seq + 2,
    ]);
  });

  test('an append with a key and two limits is one command in one HTTP request', async () => {
    const log = stack().open();
    const limits = ['a', 'b'].map((name) => ({ name, perSecond: 1, burst: 500 }));

    await log.append({ events: newEvents('feed', 500), key, limits });
    await log.append({ events: newEvents('feed', 1), key: null, limits }).catch((error: Error) => error);

    expect(stack().upstash.counts).toMatchObject({ requests: 2, commands: 2 });
  });

  test('the record of a rate limit expires when its allowance is full again', async () => {
    const log = stack().open();
    const limits = [{ name: 'token:0123', perSecond: 1, burst: 500 }];

    await log.append({ events: newEvents('feed', 30), key: null, limits });

    expect(await stack().redis.keys('steadfeed:rate:*')).toEqual([rateKey('token:0123')]);
    const leftMs = await stack().redis.pttl(rateKey('token:0123'));
    expect(leftMs).toBeGreaterThan(20_000);
    expect(leftMs).toBeLessThanOrEqual(30_000);
  });

  test('a request above its limit writes nothing at all', async () => {
    const log = stack().open();
    const limits = ['a', 'b'].map((name) => ({ name, perSecond: 1, burst: 1 }));

    const refused = log.append({ events: newEvents('feed', 2), key, limits });

    await expect(refused).rejects.toMatchObject({ code: 'rate-limited' });
    expect(await stack().redis.dbsize()).toBe(0);
  });

  test('a key is kept for 24 hours, under a name that does not reveal it', async () => {
    const log = stack().open();

    await log.append({ events: newEvents('feed', 1), key: { name: 'order 42', fingerprint: 'f' } });

    const [record = ''] = await stack().redis.keys('steadfeed:key:*');
    expect(record).toMatch(/^steadfeed:key:[0-9a-f]{64}$/);
    expect(await stack().redis.pttl(record)).toBeGreaterThan(24 * 60 * 60 * 1_000 - 10_000);
  });
});

describe('a channel without a publish', () => {
  const stack = useRedisStack();
  const dayMs = 86_400_000;

  test('is deleted 30 days after its last event', async () => {
    const log = stack().open();
    await appendTo(log, 'feed', 1);
    expect(await stack().redis.pttl(streamKey('feed'))).toBeGreaterThan(30 * dayMs - 60_000);

    await stack().redis.pexpire(streamKey('feed'), 5_000);
    await appendTo(log, 'feed', 1);

    expect(await stack().redis.pttl(streamKey('feed'))).toBeGreaterThan(30 * dayMs - 60_000);
  });

  test('is then like a lost one: later events have another epoch', async () => {
    const log = stack().open({ maxIdleMs: 1_000 });
    await appendTo(log, 'feed', 2);
    const before = await stateOf(log, 'feed');
    await expect.poll(() => stack().redis.exists(streamKey('feed')), { timeout: 30_000 }).toBe(0);

    await appendTo(stack().open(), 'feed', 1);

    const after = await stateOf(log, 'feed');
    expect(after.last.seq).toBe(1);
    expect(after.epoch).not.toBe(before.epoch);
  });
});
