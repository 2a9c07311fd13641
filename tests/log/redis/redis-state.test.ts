import { describe, expect, test } from 'vitest';
import { type ChannelRules, defaultRules } from '../../../lib/log/event-log.ts';
import { announcementChannel, channelKeys, streamKey } from '../../../lib/log/redis/storage.ts';
import {
  about,
  appendTo,
  lastEvent,
  newEvent,
  range,
  store,
  subjectsOf,
} from '../../support/log/log-steps.ts';
import { useRedisStack } from '../../support/log/redis-stack.ts';

const [stream = '', latest = '', order = '', expiry = ''] = channelKeys('feed');
const longMs = 3_600_000;

describe('the state of a channel over Redis', () => {
  const stack = useRedisStack();
  const withRules = (rules: Partial<ChannelRules>, maxIdleMs = 90_000) =>
    stack().open({ rules: () => ({ ...defaultRules(10_000), ...rules }), maxIdleMs });
  const lives = () => Promise.all(channelKeys('feed').map((key) => stack().redis.pttl(key)));

  test('a publish about 500 subjects, a page of the state, and the deletion of a channel are one command each', async () => {
    const log = stack().open();

    await store(log, ...range(1, 500).map((n) => about(`s${n}`, n, { ttlMs: longMs })));
    await log.latest('feed', 0, 500);
    await log.forget('feed');

    expect(stack().upstash.counts).toMatchObject({ requests: 3, commands: 3 });
    expect([...stack().upstash.counts.byName]).toEqual([['EVAL', 3]]);
  });

  test('a plain event is stored and announced as the same bytes as ever, and its channel has one key', async () => {
    const log = stack().open();
    const heard: string[] = [];
    const subscriber = stack().redis.duplicate();
    await subscriber.subscribe(announcementChannel('feed'));
    subscriber.on('message', (_, text) => heard.push(text));

    await store(log, { channel: 'feed', type: 'a.b', data: '{"n":1.50,"subject":"x"}' });

    const entry = '{"type":"a.b","data":{"n":1.50,"subject":"x"}}';
    const [[id, fields] = ['', []]] = await stack().redis.xrange(stream, '-', '+');
    expect(fields).toEqual(['epoch', expect.stringMatching(/^[a-z0-9]{6}$/), 'event', entry]);
    await expect.poll(() => heard, { timeout: 30_000 }).toEqual([`${fields[1]}\t${id}\t${entry}`]);
    expect(await stack().redis.keys('*')).toEqual([stream]);
    subscriber.disconnect();
  });

  test('an entry of an older version is read as it was', async () => {
    await stack().redis.xadd(
      stream,
      '7-1',
      'epoch',
      'aaaaaa',
      'event',
      '{"type":"message","data":{"end":true}}',
    );

    const { state, events } = await stack().open().read('feed', { kind: 'newest' }, 10);

    expect(state).toEqual({ epoch: 'aaaaaa', first: { time: 7, seq: 1 }, last: { time: 7, seq: 1 } });
    expect(events).toEqual([{ id: { time: 7, seq: 1 }, type: 'message', data: '{"end":true}' }]);
  });

  test('the state never expires before the stream, and an event about a subject prolongs both', async () => {
    const log = withRules({});
    await store(log, about('a', 1), about('b', 1, { ttlMs: longMs }));
    for (const key of channelKeys('feed')) await stack().redis.pexpire(key, 40_000);

    await store(log, about('a', 2));

    const [ofStream = 0, ...ofState] = await lives();
    expect(ofStream).toBeGreaterThan(60_000);
    for (const life of ofState) expect(life).toBeGreaterThan(ofStream + longMs - 60_000);
  });

  test('the first plain event of an hour prolongs the state, so that it outlives the stream until the next hour', async () => {
    const log = withRules({});
    await store(log, about('a', 1), about('b', 1, { ttlMs: longMs }));
    const [[, fields] = ['', []]] = await stack().redis.xrange(stream, '-', '+');
    // The last event is now more than an hour old.
    await stack().redis.del(stream);
    await stack().redis.xadd(stream, `${Date.now() - longMs - 1_000}-2`, ...fields);
    for (const key of channelKeys('feed')) await stack().redis.pexpire(key, 40_000);

    await store(log, newEvent('feed'));

    const [ofStream = 0, ...ofState] = await lives();
    expect(ofStream).toBeGreaterThan(60_000);
    for (const life of ofState) expect(life).toBeGreaterThan(ofStream + longMs - 60_000);
  });

  test('a plain event in the same hour as the last one costs the state no command', async () => {
    const log = withRules({});
    const countPexpire = async () => {
      const info = await stack().redis.info('commandstats');
      return Number(/cmdstat_pexpire:calls=(\d+)/.exec(info)?.[1] ?? 0);
    };
    const hour = () => Math.floor(Date.now() / longMs);
    const costOfSecond = async () => {
      await appendTo(log, 'feed', 1);
      const before = await countPexpire();
      await appendTo(log, 'feed', 1);
      return (await countPexpire()) - before;
    };

    const startedIn = hour();
    const cost = await costOfSecond();

    // The one for the stream. If the hour has just changed, the next two events are in the same one.
    expect(hour() === startedIn ? cost : await costOfSecond()).toBe(1);
  });

  test('the last event shortens the life of all keys where the rules say so', async () => {
    const log = withRules({ expireAfterEndSeconds: 20 });
    await store(log, about('a', 1), about('b', 1, { ttlMs: longMs }));

    await store(log, lastEvent());

    for (const life of await lives()) {
      expect(life).toBeGreaterThan(0);
      expect(life).toBeLessThanOrEqual(20_000);
    }
  });

  test('expired and removed subjects leave no trace in the keys', async () => {
    const log = stack().open();
    await store(
      log,
      ...range(1, 30).map((n) => about(`s${n}`, n, { ttlMs: 20 })),
      about('a', 1, { ttlMs: longMs }),
    );
    await new Promise((resolve) => setTimeout(resolve, 25));

    await store(log, about('b', 1));
    await store(log, about('a', null, { remove: true }));

    expect(await stack().redis.hkeys(latest)).toEqual(['b']);
    expect(await stack().redis.zrange(order, '0', '-1')).toEqual(['b']);
    expect(await stack().redis.exists(expiry)).toBe(0);
  });

  test('the state of a lost epoch is deleted by the next publish', async () => {
    const log = stack().open();
    await store(log, about('a', 1, { ttlMs: longMs }));
    await stack().redis.del(stream);

    await appendTo(log, 'feed', 1);

    expect(await stack().redis.keys('*')).toEqual([stream]);
  });

  test.each([
    ['the state', latest],
    ['the order', order],
    ['the expiry', expiry],
  ])('when the key of %s has other data, nothing of a request is stored', async (_, key) => {
    const log = stack().open();
    await appendTo(log, 'feed', 1);
    await stack().redis.set(key, 'of another program');

    const refused = store(log, newEvent('good'), about('a', 1, { ttlMs: longMs }));

    await expect(refused).rejects.toMatchObject({
      code: 'log-unavailable',
      message: expect.stringContaining('other data'),
    });
    expect((await stack().redis.keys('*')).sort()).toEqual([stream, key].sort());
    expect(await stack().redis.xlen(stream)).toBe(1);
  });

  test('a Redis without memory changes neither the events nor the state', async () => {
    const log = stack().open();
    await store(log, about('a', 1), about('old', 1, { ttlMs: 1 }));
    await stack().redis.config('SET', 'maxmemory', '1');
    const refused = await store(log, about('a', 2), about('b', 2)).catch((error: Error) => error);
    await stack().redis.config('SET', 'maxmemory', '0');

    expect(refused).toMatchObject({ code: 'log-unavailable', message: expect.stringContaining('full') });
    expect(await subjectsOf(log)).toEqual({ a: 1 });
    expect((await stack().redis.hkeys(latest)).sort()).toEqual(['a', 'old']);
  });

  test('the deletion of a channel leaves none of its keys, and all of its neighbours', async () => {
    const log = stack().open();
    await store(log, about('a', 1, { ttlMs: longMs }), newEvent('feed2'), about('a', 1, { channel: 'fee' }));

    await log.forget('feed');

    const left = [streamKey('feed2'), ...channelKeys('fee').slice(0, 3)];
    expect((await stack().redis.keys('*')).sort()).toEqual(left.sort());
  });
});
