import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { FeedError } from '../../lib/core/feed-error.ts';
import { publish } from '../../lib/server/publish.ts';
import {
  collectFeed,
  type FeedItem,
  type FeedItems,
  type ReadFeedOptions,
  readFeed,
} from '../../lib/server/read-feed.ts';
import { newEvent, range } from '../support/log/log-steps.ts';
import { settle } from '../support/server/manual-clock.ts';
import { makeOwnStand } from '../support/server/own-process.ts';
import type { Stand } from '../support/server/stand.ts';

/** A loop over the feed that runs beside the test. */
type Loop = {
  readonly items: FeedItems;
  readonly got: readonly FeedItem[];
  /** The data of the events, and the reasons of the gaps, in order. */
  seen(): unknown[];
  /** How the loop ended: `done`, or the code of the error; null: it goes on. */
  ended(): string | null;
};

const seenOf = (item: FeedItem) =>
  item.kind === 'gap' ? `gap ${item.gap.reason} ${item.gap.missed}` : item.event.data;

/** Starts a loop, and lets it take what is there. */
async function startLoop(options: ReadFeedOptions = {}): Promise<Loop> {
  const items = readFeed(options);
  const got: FeedItem[] = [];
  let ending: string | null = null;
  const run = async () => {
    for await (const item of items) got.push(item);
  };
  run().then(
    () => (ending = 'done'),
    (error: unknown) => (ending = error instanceof FeedError ? error.code : String(error)),
  );
  await settle();
  await settle();
  return { items, got, seen: () => got.map(seenOf), ended: () => ending };
}

/** Takes `count` items, one by one. */
async function take(items: FeedItems, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  while (taken.length < count) {
    const { value } = await items.next();
    if (value === undefined) break;
    taken.push(seenOf(value));
  }
  return taken;
}

/** Expects that nothing of a reader is left but a tail that lingers; and after a while not even that. */
async function expectNothingLeft({ clock, log, runtime }: Stand): Promise<void> {
  expect(getEventListeners(runtime.stopping.signal, 'abort')).toHaveLength(0);
  expect(runtime.tails.endIdle(runtime.tails.count(), [])).toBe(true);
  await clock.advance(0);
  expect([runtime.tails.count(), log.followers(), clock.pending()]).toEqual([0, 0, 0]);
}

describe('a loop over readFeed starts', () => {
  test('now, if it is not told where', async () => {
    const stand = makeOwnStand();
    await stand.publish(3);
    const loop = await startLoop();
    await stand.clock.advance(1_000);
    expect(loop.seen()).toEqual([]);

    await publish('note', 'new');
    await stand.clock.advance(0);

    expect(loop.seen()).toEqual(['new']);
  });

  test.each([
    ['all', [1, 2, 3, 4, 5]],
    ['2', [4, 5]],
    ['10s', [1, 2, 3, 4, 5]],
  ])('in the past with rewind %s', async (rewind, data) => {
    const stand = makeOwnStand();
    await stand.publish(5);
    expect((await startLoop({ rewind })).seen()).toEqual(data);
  });

  test('after a cursor, which wins over rewind', async () => {
    const stand = makeOwnStand();
    await stand.publish(3);
    const after = stand.cursorAtEnd();
    await stand.publish(2);
    expect((await startLoop({ after, rewind: 'all' })).seen()).toEqual([1, 2]);
  });

  test('after the id that publish has returned', async () => {
    const stand = makeOwnStand();
    const { id } = await publish('test.started', 'start', { channel: 'job' });
    await publish('test.done', 'end', { channel: 'job' });
    await stand.clock.advance(60_000);
    expect((await startLoop({ channels: ['job'], after: id })).seen()).toEqual(['end']);
  });

  test('where ready was called: what is published after it is not missed', async () => {
    const stand = makeOwnStand();
    await stand.publish(3);
    const items = readFeed();
    const cursor = await items.ready();
    expect([cursor, items.cursor]).toEqual([stand.cursorAtEnd(), stand.cursorAtEnd()]);
    await stand.publish(2);

    expect(await take(items, 2)).toEqual([1, 2]);
    expect(items.cursor).toBe(stand.cursorAtEnd());
  });
});

describe('a loop over readFeed gets', () => {
  test('each event with its type, channel, time, data and cursor', async () => {
    const stand = makeOwnStand();
    await publish('note', { a: [1] }, { channel: 'one' });
    const loop = await startLoop({ channels: ['one'], rewind: 'all' });

    const time = stand.clock.now();
    const event = { id: `${time}-1`, channel: 'one', type: 'note', time, data: { a: [1] } };
    expect(loop.got).toEqual([{ kind: 'event', event, cursor: stand.cursorAtEnd('one') }]);
  });

  test('only events of the types it asks for', async () => {
    const stand = makeOwnStand();
    const events = range(1, 3_000).map((data) =>
      newEvent('feed', data, data % 1_000 === 0 ? 'rare' : 'often'),
    );
    for (let from = 0; from < events.length; from += 500)
      await stand.memory.append({ events: events.slice(from, from + 500), key: null });

    const loop = await startLoop({ types: ['rare'], rewind: 'all' });
    await stand.clock.advance(10);

    expect(loop.seen()).toEqual([1_000, 2_000, 3_000]);
  });

  test('events of several channels; each cursor names all of them', async () => {
    const stand = makeOwnStand();
    const loop = await startLoop({ channels: ['one', 'two'] });
    await publish('note', 1, { channel: 'one' });
    await publish('note', 2, { channel: 'two' });
    await stand.clock.advance(0);

    expect(loop.seen()).toEqual([1, 2]);
    const again = await startLoop({ channels: ['one', 'two'], after: loop.got[0]?.cursor ?? '' });
    expect(again.seen()).toEqual([2]);
  });

  test('the events of a quiet channel in between those of a busy one', async () => {
    const stand = makeOwnStand();
    await stand.publish(400, 'busy');
    await stand.publish(2, 'quiet');
    const items = readFeed({ channels: ['busy', 'quiet'], rewind: 'all' });
    await items.ready();
    await settle();

    const channels: string[] = [];
    for await (const item of items) {
      if (item.kind === 'event') channels.push(item.event.channel);
      if (channels.length === 6) break;
    }

    expect(channels.filter((channel) => channel === 'quiet')).toHaveLength(2);
  });

  test('items in order, if next is called several times at once', async () => {
    const stand = makeOwnStand();
    const items = readFeed();
    await items.ready();
    const calls = [items.next(), items.next(), items.next()];
    await stand.publish(5);

    const got = await Promise.all(calls);

    expect(got.map(({ value }) => value && seenOf(value))).toEqual([1, 2, 3]);
    expect(await take(items, 2)).toEqual([4, 5]);
  });

  test('an event of its own: what it changes in it no other reader sees', async () => {
    const stand = makeOwnStand();
    const [one, two] = [await startLoop(), await startLoop()];
    await publish('note', { a: 1 });
    await stand.clock.advance(0);

    const [mine, other] = [one.got[0], two.got[0]];
    if (mine?.kind === 'event') Object.assign(mine.event.data as object, { a: 2 });

    expect(other?.kind === 'event' && other.event.data).toEqual({ a: 1 });
  });
});

describe('a loop over readFeed reports', () => {
  test('trimmed events with their exact number, and goes on with the oldest kept one', async () => {
    const stand = makeOwnStand();
    await stand.publish(1);
    const after = stand.cursorAtEnd();
    await stand.publish(9);
    stand.memory.trim('feed', 4);

    const loop = await startLoop({ after });

    expect(loop.seen()).toEqual(['gap trimmed 5', 6, 7, 8, 9]);
    const [first] = stand.memory.kept('feed');
    expect(loop.got[0]).toMatchObject({
      gap: { exact: true, after: after.split('~')[0], resumesAt: `${first?.id.time}-7` },
    });
    expect((await startLoop({ after: loop.got[0]?.cursor ?? '' })).seen()).toEqual([6, 7, 8, 9]);
  });

  test('an upper bound, if it asks for some types only', async () => {
    const stand = makeOwnStand();
    await stand.publish(10);
    stand.memory.trim('feed', 4);
    const loop = await startLoop({ after: '0-0', types: ['rare'] });
    expect(loop.got).toMatchObject([{ kind: 'gap', gap: { missed: 6, exact: false } }]);
  });

  test('a log that started again, and goes on with it', async () => {
    const stand = makeOwnStand();
    await stand.publish(3);
    const loop = await startLoop();
    stand.memory.empty('feed');
    await stand.clock.advance(5);
    await stand.publish(2);
    await stand.clock.advance(0);

    expect(loop.seen()).toEqual(['gap restarted null', 1, 2]);
    expect(loop.items.cursor).toBe(stand.cursorAtEnd());
  });

  test('a log that lost its end, once', async () => {
    const stand = makeOwnStand();
    await stand.publish(5);
    const loop = await startLoop();
    stand.memory.loseEnd('feed', 2);
    await stand.clock.advance(20_000);
    await stand.publish(1);
    await stand.clock.advance(1_000);

    expect(loop.seen()).toEqual(['gap restarted null', 1]);
  });

  test('a gap of one channel, without delay for another', async () => {
    const stand = makeOwnStand();
    await stand.publish(10, 'one');
    stand.memory.trim('one', 4);
    await stand.publish(2, 'two');

    const loop = await startLoop({ channels: ['one', 'two'], after: 'one@0-0,two@0-0' });

    expect(loop.seen()).toHaveLength(7);
    expect(loop.got.flatMap((item) => (item.kind === 'gap' ? [item.gap.channel] : []))).toEqual(['one']);
  });
});

describe('a slow loop', () => {
  test('holds nothing: events are read when it asks for them', async () => {
    const stand = makeOwnStand();
    const items = readFeed();
    await items.ready();
    await stand.clock.advance(5_000);
    const { read } = stand.log.calls;
    // More than a tail keeps in memory.
    for (let turn = 0; turn < 10; turn += 1) await stand.publish(500);
    await stand.clock.advance(10);
    expect(stand.log.calls.read).toBe(read);

    const taken = await take(items, 5_000);

    expect(taken).toEqual(range(1, 10).flatMap(() => range(1, 500)));
    expect(stand.log.calls.read).toBeGreaterThan(read);
  });

  test('delays no other reader', async () => {
    const stand = makeOwnStand();
    const slow = readFeed();
    await slow.ready();
    const quick = await startLoop();
    for (let turn = 0; turn < 10; turn += 1) {
      await stand.publish(500);
      for (let pause = 0; pause < 10; pause += 1) await settle();
      expect(quick.got).toHaveLength(500 * (turn + 1));
    }
  });
});

test('a quick loop over many events lets other work in between', async () => {
  const stand = makeOwnStand();
  await stand.publish(500);
  const items = readFeed({ rewind: 'all' });
  await items.ready();
  await settle();
  let others = 0;
  const other = () => {
    others += 1;
    if (others < 1_000) setImmediate(other);
  };
  setImmediate(other);

  await take(items, 500);

  expect(others).toBeGreaterThanOrEqual(3);
  expect(others).toBeLessThan(1_000);
});

describe('nothing is left of a reader', () => {
  test('that was never used: it has not begun', async () => {
    const stand = makeOwnStand();
    readFeed();
    await stand.clock.advance(10_000);
    expect([stand.log.asked(), stand.runtime.tails.count(), stand.clock.pending()]).toEqual([0, 0, 0]);
  });

  test('whose loop ended with break', async () => {
    const stand = makeOwnStand();
    await stand.publish(5);
    const items = readFeed({ rewind: 'all' });
    for await (const item of items) if (seenOf(item) === 3) break;

    await expectNothingLeft(stand);
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });

  test('whose loop ended with an error of its body, which reaches the caller', async () => {
    const stand = makeOwnStand();
    await stand.publish(5);
    const loop = async () => {
      for await (const item of readFeed({ rewind: 'all' })) throw new RangeError(`at ${seenOf(item)}`);
    };

    await expect(loop()).rejects.toThrow('at 1');
    await expectNothingLeft(stand);
  });

  test('that was ended by return while it waited', async () => {
    const stand = makeOwnStand();
    const loop = await startLoop();
    expect(loop.ended()).toBeNull();

    await loop.items.return?.();
    await settle();

    expect(loop.ended()).toBe('done');
    await expectNothingLeft(stand);
  });

  test('that was ended by throw while it waited', async () => {
    const stand = makeOwnStand();
    const loop = await startLoop();
    await expect(loop.items.throw?.(new RangeError('own'))).rejects.toThrow('own');
    await settle();
    expect(loop.ended()).toBe('done');
    await expectNothingLeft(stand);
  });

  test('that went out of scope (await using)', async () => {
    const stand = makeOwnStand();
    {
      await using items = readFeed();
      await items.ready();
      expect(stand.runtime.tails.count()).toBe(1);
    }
    await expectNothingLeft(stand);
  });

  test('in a tail that others still read: it wakes them only', async () => {
    const stand = makeOwnStand();
    const { tail } = stand.runtime.tails.lease('feed');
    const { listen } = tail;
    let listening = 0;
    Object.assign(tail, {
      listen(wake: () => void) {
        listening += 1;
        const unlisten = listen(wake);
        return () => {
          listening -= 1;
          unlisten();
        };
      },
    });
    const items = readFeed();
    await items.ready();
    expect(listening).toBe(1);

    await items.return?.();

    expect(listening).toBe(0);
  });

  test.each([
    ['while it waits', (stand: Stand) => stand.clock.advance(1_000)],
    ['before it has started', () => Promise.resolve()],
  ])('whose signal aborts %s', async (_, meanwhile) => {
    const stand = makeOwnStand();
    stand.log.answerMs = 500;
    const stop = new AbortController();
    const loop = await startLoop({ signal: stop.signal, channels: ['one', 'two'] });
    await meanwhile(stand);

    stop.abort();
    await settle();

    expect(loop.ended()).toBe('done');
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
    await stand.clock.advance(2_000);
    await expectNothingLeft(stand);
  });

  test('whose signal had aborted before: it does not even begin', async () => {
    const stand = makeOwnStand();
    const loop = await startLoop({ signal: AbortSignal.abort() });
    expect([loop.ended(), stand.log.asked()]).toEqual(['done', 0]);
    await expectNothingLeft(stand);
  });

  test('that could not start, because the log does not answer', async () => {
    const stand = makeOwnStand();
    stand.log.isDown = true;
    const loop = await startLoop({ rewind: 'all' });
    await stand.clock.advance(10_000);
    expect(loop.ended()).toBe('log-unavailable');
    await expectNothingLeft(stand);
  });
});

describe('a loop over readFeed whose log fails', () => {
  test('goes on if the log is back within 30 s, and misses nothing', async () => {
    const stand = makeOwnStand();
    const loop = await startLoop();
    stand.log.isDown = true;
    stand.log.cut();
    await stand.clock.advance(20_000);
    await stand.publish(3);
    stand.log.isDown = false;
    await stand.clock.advance(10_000);

    expect([loop.ended(), loop.seen()]).toEqual([null, [1, 2, 3]]);
  });

  test('throws after 30 s; a new loop continues from the cursor', async () => {
    const stand = makeOwnStand();
    const loop = await startLoop();
    await stand.publish(1);
    await stand.clock.advance(5_000);
    stand.log.isDown = true;
    stand.log.cut();
    await stand.publish(2);
    await stand.clock.advance(60_000);
    expect(loop.ended()).toBe('log-unavailable');

    stand.log.isDown = false;
    await stand.clock.advance(10_000);
    const again = await startLoop({ after: loop.items.cursor ?? '' });
    await stand.clock.advance(1_000);

    expect([...loop.seen(), ...again.seen()]).toEqual([1, 1, 2]);
    again.items.return?.();
    await expectNothingLeft(stand);
  });
});

describe('a process that', () => {
  test('stops ends its readers with an error, so that no loop takes it for the end of the feed', async () => {
    const stand = makeOwnStand();
    const loop = await startLoop();
    stand.runtime.stopping.abort();
    await settle();
    expect(loop.ended()).toBe('stopping');
    expect((await startLoop()).ended()).toBe('stopping');
    await expectNothingLeft(stand);
  });

  test('follows as many channels as it may refuses one more; a tail without readers makes space', async () => {
    const stand = makeOwnStand();
    const leases = range(1, 900).map((number) => stand.runtime.tails.lease(`c${number}`));
    expect((await startLoop()).ended()).toBe('too-many-streams');
    expect((await startLoop({ channels: ['c1'] })).ended()).toBeNull();

    leases[1]?.release();

    expect((await startLoop()).ended()).toBeNull();
    expect(stand.runtime.tails.count()).toBe(900);
    stand.runtime.tails.close();
  });
});

test.each([
  [{ channels: [] }, 'channels: The list is empty. Name 1 to 20, or leave it out.'],
  [
    { channels: range(1, 21).map(String) },
    'channels: The list has 21; the limit is 20. Split it into several readers.',
  ],
  [{ channels: ['a', '-b'] }, 'channels[1]: "-b" is not a valid name.'],
  [{ types: [] }, 'types: The list is empty. Name 1 to 100, or leave it out.'],
  [{ types: range(1, 101).map(String) }, 'types: The list has 101; the limit is 100.'],
  [{ after: '7' }, 'after: "7" is not an event id.'],
  [{ channels: ['a', 'b'], after: '7-1' }, 'after: "7-1" names no channel.'],
  [{ rewind: '5d' }, 'rewind: "5d" is not valid.'],
])('readFeed refuses wrong options at once (%#)', (options: ReadFeedOptions, text) => {
  makeOwnStand();
  expect(() => readFeed(options)).toThrow(text);
  expect(() => readFeed(options)).toThrow(expect.objectContaining({ code: 'bad-request' }));
});

describe('collectFeed', () => {
  const isDone = ({ type }: { readonly type: string }) => type === 'test.done';

  test('returns the awaited event and all events before it, as soon as it is there', async () => {
    const stand = makeOwnStand();
    const { id } = await publish('test.start', 0, { channel: 'job' });
    const collecting = collectFeed({ channels: ['job'], after: id, until: isDone, timeoutMs: 30_000 });
    await publish('test.progress', 50, { channel: 'job' });
    await stand.clock.advance(100);
    await publish('test.done', 100, { channel: 'job' });
    await publish('test.after', 101, { channel: 'job' });
    await stand.clock.advance(0);

    const { last, events, gaps, cursor } = await collecting;

    expect(last).toMatchObject({ type: 'test.done', data: 100 });
    expect(events.map(({ data }) => data)).toEqual([50, 100]);
    expect(gaps).toEqual([]);
    const rest = await startLoop({ channels: ['job'], after: cursor ?? '' });
    expect(rest.seen()).toEqual([101]);
    rest.items.return?.();
    await expectNothingLeft(stand);
  });

  test('returns what it has when the time is over; the cursor goes on from there', async () => {
    const stand = makeOwnStand();
    await publish('test.progress', 1);
    const collecting = collectFeed({ rewind: 'all', until: isDone, timeoutMs: 30_000 });
    await stand.clock.advance(30_000);

    const { last, events, cursor } = await collecting;

    expect([last, events.map(({ data }) => data), cursor]).toEqual([null, [1], stand.cursorAtEnd()]);
    await expectNothingLeft(stand);
  });

  test('counts the start to its time', async () => {
    const stand = makeOwnStand();
    stand.log.answerMs = 5_000;
    const collecting = collectFeed({ until: isDone, timeoutMs: 1_000 });
    await stand.clock.advance(1_000);

    expect(await collecting).toEqual({ last: null, events: [], gaps: [], cursor: null });
    await stand.clock.advance(10_000);
    await expectNothingLeft(stand);
  });

  test('returns what it has when its signal aborts', async () => {
    const stand = makeOwnStand();
    const stop = new AbortController();
    const collecting = collectFeed({ until: isDone, timeoutMs: 30_000, signal: stop.signal });
    await stand.clock.advance(100);
    stop.abort();
    expect((await collecting).last).toBeNull();
    await expectNothingLeft(stand);
  });

  test('returns gaps too', async () => {
    const stand = makeOwnStand();
    await stand.publish(10);
    stand.memory.trim('feed', 4);
    await publish('test.done', 1);
    const { gaps, events } = await collectFeed({ after: '0-0', until: isDone, timeoutMs: 1_000 });
    expect([gaps.map(({ missed }) => missed), events.length]).toEqual([[6], 5]);
  });

  test('throws what until throws, and leaves nothing', async () => {
    const stand = makeOwnStand();
    await stand.publish(1);
    const until = () => {
      throw new RangeError('own');
    };
    await expect(collectFeed({ rewind: 'all', until, timeoutMs: 1_000 })).rejects.toThrow('own');
    await expectNothingLeft(stand);
  });
});
