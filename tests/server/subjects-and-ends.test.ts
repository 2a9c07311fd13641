import { describe, expect, test } from 'vitest';
import type { FeedEvent } from '../../lib/core/event.ts';
import { FeedError } from '../../lib/core/feed-error.ts';
import { applyToState } from '../../lib/core/latest.ts';
import { endChannel, forgetChannel, publish, publishAll } from '../../lib/server/publish.ts';
import { collectFeed, readFeed, readLatest } from '../../lib/server/read-feed.ts';
import { newEvent, range } from '../support/log/log-steps.ts';
import { makeOwnStand } from '../support/server/own-process.ts';
import { readPage } from '../support/server/read-page.ts';

/** The code of the FeedError that a call ends with, and its text. */
async function errorOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof FeedError)) throw new Error(`no FeedError: ${String(error)}`);
  return `${error.code}: ${error.message}`;
}

/** Reads a loop to its end. */
async function all(options: Parameters<typeof readFeed>[0]) {
  const seen: unknown[] = [];
  for await (const item of readFeed(options))
    seen.push(item.kind === 'event' ? item.event.data : item.gap.reason);
  return seen;
}

describe('publish', () => {
  test('stores what the event is about, how long it counts, and that its channel ends', async () => {
    const stand = makeOwnStand();

    await publish('note', 1, { channel: 'c', subject: 'a', ttlSeconds: 60 });
    await publish('note', null, { channel: 'c', subject: 'a', remove: true });
    await publish('note', 2, { channel: 'c', subject: 'b', remove: false, end: false });
    await publish('note', 3, { channel: 'c', end: true });

    expect(stand.memory.kept('c').map(({ attributes }) => attributes)).toEqual([
      { subject: 'a', ttlMs: 60_000 },
      { subject: 'a', remove: true },
      { subject: 'b' },
      { end: true },
    ]);
  });

  test('of a plain event stores no attributes', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { remove: false, end: false });
    expect(stand.memory.kept('feed')[0]).not.toHaveProperty('attributes.subject');
    expect(stand.memory.kept('feed')[0]?.attributes).toBeUndefined();
  });

  test('of many events takes the same members for each of them', async () => {
    const stand = makeOwnStand();
    await publishAll([
      { type: 'note', data: 1, channel: 'c', subject: 'a' },
      { type: 'note', data: 2, channel: 'd', end: true },
      { type: 'note', data: 3, channel: 'c', end: true },
    ]);
    expect(await errorOf(publish('note', 4, { channel: 'd' }))).toMatch(
      /^channel-ended: Channel "d" ended at /,
    );
    expect(stand.memory.kept('c').at(-1)?.attributes).toEqual({ end: true });
  });

  test.each([
    [{ subject: '-' }, 'event.subject: "-" is not a valid subject.'],
    [{ subject: 's'.repeat(201) }, 'event.subject: "sss'],
    [{ remove: true }, 'event.remove needs a subject.'],
    [{ ttlSeconds: 60 }, 'event.ttlSeconds needs a subject.'],
    [
      { subject: 'a', ttlSeconds: 0 },
      'event.ttlSeconds: 0 is not valid. Use a whole number from 1 to 2592000.',
    ],
    [{ subject: 'a', ttlSeconds: 2_592_001 }, 'event.ttlSeconds: 2592001 is not valid.'],
    [{ subject: 'a', ttlSeconds: 1.5 }, 'event.ttlSeconds: 1.5 is not valid.'],
    [{ subject: 'a', ttlSeconds: 60, remove: true }, 'event has remove and ttlSeconds.'],
  ])('refuses %j', async (options, text) => {
    makeOwnStand();
    expect(await errorOf(publish('note', 1, options))).toContain(`bad-request: ${text}`);
  });

  test('refuses an event after the end of its channel in the same call, and names both', async () => {
    const stand = makeOwnStand();
    const events = [
      { type: 'note', data: 1, channel: 'a', end: true },
      { type: 'note', data: 2, channel: 'b' },
      { type: 'note', data: 3, channel: 'a' },
    ];

    expect(await errorOf(publishAll(events))).toContain(
      'events[2] follows events[0], which ends channel "a".',
    );
    expect(stand.memory.stored).toHaveLength(0);
  });

  test('counts the subject of an event for its size', async () => {
    makeOwnStand();
    const subject = 's'.repeat(200);
    const data = 'x'.repeat(65_536 - '{"channel":"feed","type":"note","data":""}'.length - 10);
    await publish('note', data);
    expect(await errorOf(publish('note', data, { subject }))).toMatch(
      /^too-large: event is \d+ bytes as JSON \(channel, type, subject and data\)/,
    );
  });

  test('with the key of an event about another subject is refused: it is not the same event', async () => {
    makeOwnStand();
    const idempotencyKey = 'k';
    await publish('note', 1, { subject: 'a', idempotencyKey });

    expect(await publish('note', 1, { subject: 'a', idempotencyKey })).toMatchObject({ duplicate: true });
    for (const other of [
      {},
      { subject: 'b' },
      { subject: 'a', ttlSeconds: 1 },
      { subject: 'a', end: true },
    ]) {
      expect(await errorOf(publish('note', 1, { ...other, idempotencyKey }))).toMatch(/^key-reused/);
    }
  });

  test('keeps the fingerprint of a plain event: a retry across an update is a duplicate', async () => {
    const stand = makeOwnStand();
    const keys: unknown[] = [];
    const append = stand.log.append.bind(stand.log);
    stand.log.append = (request) => {
      keys.push(request.key?.fingerprint);
      return append(request);
    };
    await publish('note', { a: 1 }, { idempotencyKey: 'k' });
    expect(keys).toEqual(['5Fb0DBWxL65BtqdANp5b9pFrahCWMV-Yt-t2Cz1_flo']);
  });
});

describe('endChannel', () => {
  test('ends a channel with an event of the type end', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { channel: 'job.7' });

    const { id } = await endChannel('job.7');

    expect(id).toMatch(/-2$/);
    expect(stand.memory.kept('job.7').at(-1)).toMatchObject({
      type: 'end',
      data: 'null',
      attributes: { end: true },
    });
    expect(await errorOf(endChannel('job.7'))).toBe(
      `channel-ended: Channel "job.7" ended at ${id}. Publish to another channel, or delete this one with: npm run forget -- --channel job.7`,
    );
  });

  test('takes a type, data and an idempotency key', async () => {
    const stand = makeOwnStand();
    const end = () =>
      endChannel<string>('job.7', { type: 'job.done', data: { rows: 3 }, idempotencyKey: 'k' });

    const first = await end();

    expect(await end()).toEqual({ ...first, duplicate: true });
    expect(stand.memory.kept('job.7')).toMatchObject([{ type: 'job.done', data: '{"rows":3}' }]);
  });
});

describe('forgetChannel', () => {
  test('deletes a channel and its state; the next publish starts it again', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { channel: 'c', subject: 'a' });
    await endChannel('c');

    await forgetChannel('c');

    expect((await readLatest({ channel: 'c' })).events.size).toBe(0);
    const { id } = await publish('note', 2, { channel: 'c' });
    expect(id).toMatch(/-1$/);
    expect(await errorOf(forgetChannel('no name'))).toContain('bad-request: channel: "no name"');
    expect(stand.memory.kept('c')).toHaveLength(1);
  });
});

describe('a loop over readFeed', () => {
  test('ends by itself at the end of its channel', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { channel: 'job.7' });
    const reading = all({ channels: ['job.7'], rewind: 'all' });
    await stand.clock.advance(1_000);
    await publish('note', 2, { channel: 'job.7' });
    await endChannel('job.7', { data: 'over' });
    await stand.clock.advance(1_000);

    expect(await reading).toEqual([1, 2, 'over']);
    expect(stand.runtime.tails.list().map(({ leases }) => leases)).not.toContain(1);
  });

  test('of a channel that has ended ends at once, from its end or from the past', async () => {
    const stand = makeOwnStand();
    const { id } = await endChannel('job.7', { data: 'over' });
    const loops = [
      all({ channels: ['job.7'] }),
      all({ channels: ['job.7'], after: id }),
      all({ channels: ['job.7'], rewind: 'all' }),
      all({ channels: ['job.7'], rewind: 'all', types: ['none'] }),
    ];
    await stand.clock.advance(1_000);

    expect(await Promise.all(loops)).toEqual([[], [], ['over'], []]);
  });

  test('goes on while one of its channels has not ended', async () => {
    const stand = makeOwnStand();
    const reading = all({ channels: ['a', 'b'], rewind: 'all' });
    await endChannel('a', { data: 'a is over' });
    await stand.clock.advance(60_000);
    await publish('note', 'b goes on', { channel: 'b' });
    await endChannel('b', { data: 'b is over' });
    await stand.clock.advance(1_000);

    expect(await reading).toEqual(['a is over', 'b goes on', 'b is over']);
  });

  test('gets only the subjects that it asks for', async () => {
    const stand = makeOwnStand();
    const reading = all({ channels: ['c'], rewind: 'all', subjects: ['a', 'b'] });
    await publish('note', 1, { channel: 'c', subject: 'a' });
    await publish('note', 2, { channel: 'c', subject: 'x' });
    await publish('note', 3, { channel: 'c' });
    await publish('note', 4, { channel: 'c', subject: 'b' });
    await endChannel('c');
    await stand.clock.advance(1_000);

    expect(await reading).toEqual([1, 4]);
  });

  test('refuses 101 subjects, an empty list and a wrong name', () => {
    makeOwnStand();
    const read = (subjects: readonly string[]) => () => readFeed({ subjects });
    expect(read(range(1, 101).map((n) => `s${n}`))).toThrow('subjects: The list has 101; the limit is 100.');
    expect(read([])).toThrow('subjects: The list is empty.');
    expect(read(['ok', '-'])).toThrow('subjects[1]: "-" is not a valid subject.');
  });

  test('lets collectFeed return without an awaited event when the channel has ended', async () => {
    const stand = makeOwnStand();
    const reading = collectFeed({
      channels: ['job.7'],
      rewind: 'all',
      until: () => false,
      timeoutMs: 60_000,
    });
    await publish('note', 1, { channel: 'job.7' });
    await endChannel('job.7');
    await stand.clock.advance(1_000);

    const { last, events } = await reading;
    expect([last, events.map(({ type }) => type)]).toEqual([null, ['note', 'end']]);
  });
});

describe('readLatest', () => {
  test('returns the latest event of each subject, and the cursor from which to follow', async () => {
    const stand = makeOwnStand();
    await publish('note', 1, { channel: 'c', subject: 'a' });
    await publish('note', 2, { channel: 'c', subject: 'b', ttlSeconds: 5 });
    await publish('other', 3, { channel: 'c', subject: 'a' });
    await publish('note', 4, { channel: 'c' });

    const { events, cursor, hasEnded } = await readLatest({ channel: 'c' });

    expect([...events].map(([subject, { data }]) => [subject, data])).toEqual([
      ['b', 2],
      ['a', 3],
    ]);
    expect(events.get('b')).toMatchObject({ subject: 'b', expiresAt: stand.clock.now() + 5_000 });
    expect([cursor, hasEnded]).toEqual([stand.cursorAtEnd('c'), false]);
    await stand.clock.advance(5_000);
    expect([...(await readLatest({ channel: 'c' })).events.keys()]).toEqual(['a']);
    expect([...(await readLatest({ channel: 'c', types: ['note'] })).events.keys()]).toEqual([]);
    expect([...(await readLatest({ channel: 'c', subjects: ['a', 'z'] })).events.keys()]).toEqual(['a']);
  });

  test('reads a state of many pages, and equals the fold of the log', async () => {
    const stand = makeOwnStand();
    for (const round of range(1, 4)) {
      for (const start of [0, 400, 800]) {
        const events = range(1, 400).map((n) => ({
          ...newEvent('c', `${round}.${n}`),
          attributes: { subject: `s${start + n}`, ...((n + round) % 7 === 0 && { remove: true as const }) },
        }));
        await stand.memory.append({ events, key: null });
      }
    }
    const before = stand.log.calls.latest;

    const { events } = await readLatest({ channel: 'c' });

    const fold = new Map<string, FeedEvent>();
    for (let cursor = '0-0'; ; ) {
      const page = await readPage(stand, `channel=c&after=${cursor}&limit=500`);
      for (const event of page.events) applyToState(fold, event);
      cursor = page.cursor;
      if (!page.more) break;
    }
    expect(new Map([...events].sort())).toEqual(new Map([...fold].sort()));
    expect(events.size).toBeGreaterThan(1_000);
    expect(stand.log.calls.latest - before).toBe(3);
  });

  test('says that the channel has ended, and of a channel without a log that it is empty', async () => {
    makeOwnStand();
    await publish('note', 1, { channel: 'c', subject: 'a', end: true });

    expect((await readLatest({ channel: 'c' })).hasEnded).toBe(true);
    expect(await readLatest({ channel: 'none' })).toEqual({
      events: new Map(),
      cursor: '0-0',
      hasEnded: false,
    });
  });

  test('refuses a wrong channel and wrong subjects', async () => {
    makeOwnStand();
    expect(await errorOf(readLatest({ channel: 'no name' }))).toContain('channel: "no name"');
    expect(await errorOf(readLatest({ subjects: [] }))).toContain('subjects: The list is empty.');
  });
});
