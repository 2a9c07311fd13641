import { afterEach, describe, expect, test, vi } from 'vitest';
import { beforeFirst, formatEventId } from '../../../lib/core/ids.ts';
import { maxRead } from '../../../lib/log/event-log.ts';
import { streamKey } from '../../../lib/log/redis/storage.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvent, range, readAll, seqs } from '../../support/log/log-steps.ts';
import { useRedisStack } from '../../support/log/redis-stack.ts';

describe('read over Redis', () => {
  const stack = useRedisStack();
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('a page is one command in one HTTP request, and so are the ends of 20 channels', async () => {
    const log = stack().open();
    await appendTo(log, 'feed', 100);
    stack().upstash.resetCounts();

    await log.read('feed', { kind: 'after', id: beforeFirst }, 100);
    expect(stack().upstash.counts).toMatchObject({ requests: 1, commands: 1 });
    await log.ends(range(1, 20).map((number) => `c${number}`));
    expect(stack().upstash.counts).toMatchObject({ requests: 2, commands: 2 });
  });

  test('the first of the last 4,000 events is found in one command that reads few of them', async () => {
    const log = stack().open();
    const { redis, upstash } = stack();
    const days = 30 * 24 * 3_600_000;
    for (const seq of range(1, 5_000)) {
      await redis.xadd(
        streamKey('feed'),
        `${1 + Math.floor((days * seq) / 5_000)}-${seq}`,
        'epoch',
        'aaaaaa',
        'event',
        '{"type":"note","data":1}',
      );
    }
    await redis.config('RESETSTAT');
    upstash.resetCounts();

    const { events } = await log.read('feed', { kind: 'last', count: 4_000 }, 1);

    expect(seqs(events)).toEqual([1_001]);
    expect(upstash.counts).toMatchObject({ requests: 1, commands: 1 });
    const ranges = Number(/cmdstat_xrange:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
    expect(ranges).toBeGreaterThan(5);
    expect(ranges).toBeLessThan(40);
  });

  test('the last `count` events are those from a seq on, even if one is missing', async () => {
    const log = stack().open();
    await appendTo(log, 'feed', 10);
    const gone = (await readAll(log, 'feed'))[5]?.id ?? beforeFirst;
    await stack().redis.xdel(streamKey('feed'), formatEventId(gone));

    expect(seqs((await log.read('feed', { kind: 'last', count: 5 }, 2)).events)).toEqual([7, 8]);
    expect(seqs((await log.read('feed', { kind: 'last', count: 6 }, 2)).events)).toEqual([5, 7]);
  });

  test('checking that the log answers is not billed', async () => {
    await stack().open().ends([]);

    expect(stack().upstash.counts).toMatchObject({ requests: 1, commands: 0 });
  });

  /** Stores 40 events of 60 KB: more than one answer of the service can have. */
  const largeEvents = async () => {
    const log = stack().open();
    for (const _ of range(1, 4)) {
      await log.append({ events: range(1, 10).map(() => newEvent('feed', 'x'.repeat(60_000))), key: null });
    }
    return log;
  };

  test('a page of large events ends early, below 1 MB, and the next goes on', async () => {
    const log = await largeEvents();

    const { events, state } = await log.read('feed', { kind: 'after', id: beforeFirst }, maxRead);

    expect(seqs(events)).toEqual(range(1, 12));
    expect(state?.last.seq).toBe(40);
    expect(seqs(await readAll(log, 'feed'))).toEqual(range(1, 40));
  });

  test('a page of the newest large events ends at the last one, and a page before an id ends at the id', async () => {
    const log = await largeEvents();

    const { events } = await log.read('feed', { kind: 'newest' }, maxRead);
    const before = await log.read('feed', { kind: 'before', id: events[0]?.id ?? beforeFirst }, maxRead);

    expect(seqs(events)).toEqual(range(29, 40));
    expect(seqs(before.events)).toEqual(range(17, 28));
  });

  test('an event larger than a page is a page of its own', async () => {
    const log = stack().open();
    await log.append({ events: [newEvent('feed', 'x'.repeat(900_000)), newEvent('feed')], key: null });

    expect(seqs((await log.read('feed', { kind: 'newest' }, 1)).events)).toEqual([2]);
    expect(seqs((await log.read('feed', { kind: 'after', id: beforeFirst }, 10)).events)).toEqual([1]);
  });

  test('an entry that is not an event is reported without its text', async () => {
    const log = stack().open();
    await stack().redis.xadd(streamKey('feed'), '1-1', 'epoch', 'aaaaaa', 'event', 'private text');

    const error = await log.read('feed', { kind: 'newest' }, 1).catch((caught: Error) => caught);

    expect(error).toMatchObject({ code: 'log-unavailable' });
    expect(String(error)).not.toContain('private');
  });

  test('a patched fetch is told not to cache any call, and a subscription does not use it', async () => {
    const { fetch } = globalThis;
    const patched = vi.fn<typeof fetch>((input, init) => fetch(input, init));
    vi.stubGlobal('fetch', patched);
    const log = stack().open();

    await listen(log, 'feed');
    await appendTo(log, 'feed', 1);
    await log.ends([]);

    const asked = patched.mock.calls.map(([, init]) => [init?.method, init?.cache]);
    expect(asked).toEqual(Array(2).fill(['POST', 'no-store']));
  });
});
