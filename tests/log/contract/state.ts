import { describe, expect, test } from 'vitest';
import type { EventLog, NewEvent } from '../../../lib/log/event-log.ts';
import { listen } from '../../support/log/listener.ts';
import {
  about,
  appendTo,
  lastEvent,
  newEvent,
  range,
  readAll,
  readLatest,
  seqs,
  stateOf,
  store,
  subjectsOf,
} from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

const key = { name: 'k', fingerprint: 'f' };
const tooMany = { name: 'FeedError', code: 'too-many-subjects' };
/** An hour: no test lasts so long. */
const longMs = 3_600_000;

const rules = { feed: { maxSubjects: 3 } };

/** `count` events about as many subjects, from `s1` on. */
const subjects = (count: number, from = 1) => range(from, from + count - 1).map((n) => about(`s${n}`, n));

const countKept = async (log: EventLog) => (await readAll(log, 'feed')).length;

export function describeState(harness: () => LogHarness): void {
  describe('an event with attributes', () => {
    const events: readonly NewEvent[] = [
      about('host-7', 1),
      about('host-7', null, { remove: true }),
      about('host-7', { a: [1, 'x'] }, { ttlMs: longMs }),
      newEvent('feed', 'plain'),
      about('host-7', '","end":true,"data":1'),
      about('s', 'the end', { ttlMs: 2_592_000_000, end: true }),
    ];
    const written = events.map(({ type, data, attributes }) => [type, data, attributes]);

    test('comes back as it was stored: by a read, and in an announcement', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');

      await store(log, ...events);

      const read = await readAll(log, 'feed');
      expect(read.map(({ type, data, attributes }) => [type, data, attributes])).toEqual(written);
      await listener.receives(events.length);
      expect(listener.events()).toEqual(read);
      listener.stop();
    });

    test('that is plain has no attributes at all', async () => {
      const log = harness().open();
      const listener = await listen(log, 'feed');
      await appendTo(log, 'feed', 1);

      await listener.receives(1);

      for (const event of [...(await readAll(log, 'feed')), ...listener.events()])
        expect(Object.keys(event).sort()).toEqual(['data', 'id', 'type']);
      listener.stop();
    });

    test('comes back with the state as a read has it', async () => {
      const log = harness().open();
      await store(log, about('a', { x: 'é\u2028' }, { ttlMs: longMs }), about('b', 2, { end: true }));

      expect(await readLatest(log)).toEqual(await readAll(log, 'feed'));
    });
  });

  describe('state', () => {
    test('has the latest event of each subject, in the order of the log', async () => {
      const log = harness().open();
      await store(log, about('a', 1), about('b', 2), newEvent('feed', 3));
      await store(log, about('a', 4));

      const { state, events, more } = await log.latest('feed', 0, 10);

      expect(events.map(({ id, data }) => [id.seq, data])).toEqual([
        [2, '2'],
        [4, '4'],
      ]);
      expect(more).toBe(false);
      expect(state).toEqual(await stateOf(log, 'feed'));
    });

    test('a removed subject is not in it, until it gets another event', async () => {
      const log = harness().open();
      await store(log, about('a', 1), about('b', 2));
      await store(log, about('a', null, { remove: true }));
      expect(await subjectsOf(log)).toEqual({ b: 2 });

      await store(log, about('a', 4));

      expect(await subjectsOf(log)).toEqual({ a: 4, b: 2 });
    });

    test('the removal of a subject that it does not have is stored, and changes nothing', async () => {
      const log = harness().open();
      await store(log, about('a', 1));

      await store(log, about('b', null, { remove: true }));

      expect(await subjectsOf(log)).toEqual({ a: 1 });
      expect(await countKept(log)).toBe(2);
    });

    test('of several events of one subject in a request the last one counts', async () => {
      const log = harness().open();

      await store(
        log,
        ...[about('a', 1), about('b', 1), about('c', 1), about('a', 2)],
        ...[about('b', null, { remove: true }), about('c', null, { remove: true }), about('c', 2)],
      );

      expect(await subjectsOf(log)).toEqual({ a: 2, c: 2 });
    });

    test('each channel has its own, also in one request', async () => {
      const log = harness().open();

      await store(log, about('a', 1, { channel: 'one' }), about('a', 2, { channel: 'two' }));
      await store(log, about('a', null, { channel: 'one', remove: true }), newEvent('three'));

      expect(await subjectsOf(log, 'one')).toEqual({});
      expect(await subjectsOf(log, 'two')).toEqual({ a: 2 });
      expect(await subjectsOf(log, 'three')).toEqual({});
    });

    test('subjects that look alike are different', async () => {
      const log = harness().open();
      const names = [
        'a',
        'A',
        '7',
        '07',
        'constructor',
        'x'.repeat(199),
        `${'x'.repeat(199)}y`,
        'a:b',
        'a.b',
      ];

      await store(log, ...names.map((name) => about(name, name)));

      expect(await subjectsOf(log)).toEqual(Object.fromEntries(names.map((name) => [name, name])));
    });

    test('outlives the retention of its events', async () => {
      const log = harness().open({ retention: 20 });
      await store(log, about('a', 1), about('b', 2), about('b', null, { remove: true }));
      for (const _ of range(1, 20)) await appendTo(log, 'feed', 50);

      expect((await stateOf(log, 'feed')).first.seq).toBeGreaterThan(3);
      expect(await subjectsOf(log)).toEqual({ a: 1 });
    });

    test('a channel without a log has none', async () => {
      expect(await harness().open().latest('feed', 0, 10)).toEqual({ state: null, events: [], more: false });
    });

    test('a channel without subjects has an empty one, and says where it is true', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);

      const page = await log.latest('feed', 0, 10);

      expect(page).toEqual({ state: await stateOf(log, 'feed'), events: [], more: false });
    });

    test('a request that fails for one channel changes no state', async () => {
      const log = harness().open();
      await store(log, about('a', 1));
      await harness().breakChannel('broken');

      const failing = store(log, about('a', 2), about('b', 2), newEvent('broken'));
      await expect(failing).rejects.toMatchObject({ code: 'log-unavailable' });

      expect(await subjectsOf(log)).toEqual({ a: 1 });
    });

    test('a duplicate does not bring an older event back', async () => {
      const log = harness().open();
      await log.append({ events: [about('a', 1)], key });
      await store(log, about('a', 2));

      expect((await log.append({ events: [about('a', 1)], key })).duplicate).toBe(true);

      expect(await subjectsOf(log)).toEqual({ a: 2 });
    });

    test('of 200 requests at the same time, on two logs, it is the fold of the log', async () => {
      const logs = [harness().open(), harness().open()] as const;

      const work = range(1, 200).map((turn) => {
        const subject = `s${turn % 7}`;
        return store(
          logs[turn % 2 === 0 ? 0 : 1],
          about(subject, turn, turn % 5 === 0 ? { remove: true } : {}),
        );
      });
      await Promise.all(work);

      const expected = new Map<string | undefined, unknown>();
      for (const { attributes, data } of await readAll(logs[0], 'feed')) {
        if (attributes?.remove) expected.delete(attributes.subject);
        else expected.set(attributes?.subject, JSON.parse(data));
      }
      expect(await subjectsOf(logs[1])).toEqual(Object.fromEntries(expected));
    });
  });

  describe('a page of the state', () => {
    test('has at most as many events as it was asked for, and says whether there are more', async () => {
      const log = harness().open();
      await store(log, ...subjects(5));

      const first = await log.latest('feed', 0, 2);
      const second = await log.latest('feed', 2, 3);

      expect([seqs(first.events), first.more]).toEqual([[1, 2], true]);
      expect([seqs(second.events), second.more]).toEqual([[3, 4, 5], false]);
      expect(await log.latest('feed', 5, 2)).toMatchObject({ events: [], more: false });
    });

    test('a subject that gets an event between two pages comes at the end, so none is missing', async () => {
      const log = harness().open();
      await store(log, ...subjects(4));
      const first = await log.latest('feed', 0, 2);

      await store(log, about('s3', 'new'), about('s1', 'new'));

      const second = await log.latest('feed', 2, 10);
      expect(seqs(first.events)).toEqual([1, 2]);
      expect(seqs(second.events)).toEqual([4, 5, 6]);
    });

    test('ends early when its events are large, but never before its first one', async () => {
      const log = harness().open();
      const large = 'x'.repeat(60_000);
      for (const turn of range(1, 30)) await store(log, about(`s${turn}`, large));

      const { events, more } = await log.latest('feed', 0, 500);

      expect(events.length).toBeGreaterThan(1);
      expect(events.length).toBeLessThan(30);
      expect(more).toBe(true);
      expect(seqs(await readLatest(log))).toEqual(range(1, 30));
    });

    test('1,200 subjects come in pages, each once, and in order', async () => {
      const log = harness().open();
      for (const from of [1, 401, 801]) await store(log, ...subjects(400, from));

      expect(seqs(await readLatest(log, 'feed', 500))).toEqual(range(1, 1_200));
      expect(seqs(await readLatest(log, 'feed', 77))).toEqual(range(1, 1_200));
    });
  });

  describe('an event that expires', () => {
    test('counts until its time is over', async () => {
      const log = harness().open();
      await store(log, about('a', 1, { ttlMs: longMs }), about('b', 2, { ttlMs: 300 }), about('c', 3));

      await harness().passTime(300);

      expect(await subjectsOf(log)).toEqual({ a: 1, c: 3 });
      expect(await countKept(log)).toBe(3);
    });

    test('does not let an older event of its subject come back', async () => {
      const log = harness().open();
      await store(log, about('a', 'old'));
      await store(log, about('a', 'short', { ttlMs: 50 }));

      await harness().passTime(50);
      await store(log, about('b', 1));

      expect(await subjectsOf(log)).toEqual({ b: 1 });
    });

    test.each([
      ['without an end of its life', {}],
      ['that lives longer', { ttlMs: longMs }],
    ])('is replaced by one %s', async (_, attributes) => {
      const log = harness().open();
      await store(log, about('a', 1, { ttlMs: 50 }));
      await store(log, about('a', 2, attributes));

      await harness().passTime(50);
      await store(log, about('b', 1, { ttlMs: longMs }));

      expect(await subjectsOf(log)).toEqual({ a: 2, b: 1 });
    });

    test('is replaced by one that lives shorter', async () => {
      const log = harness().open();
      await store(log, about('a', 1, { ttlMs: longMs }));
      await store(log, about('a', 2, { ttlMs: 50 }));

      await harness().passTime(50);

      expect(await subjectsOf(log)).toEqual({});
    });

    test('lives by the time in its id, also when the clock jumps back an hour', async () => {
      const log = harness().open();
      await store(log, newEvent('feed'));
      await harness().clockJumpsBack('feed');
      await store(log, about('a', 1, { ttlMs: 50 }));

      await harness().passTime(60);

      expect(await subjectsOf(log)).toEqual({ a: 1 });
    });

    test('leaves no page that promises more', async () => {
      const log = harness().open();
      await store(log, about('a', 1), ...subjects(60).map((event) => withTtl(event, 50)));

      await harness().passTime(50);

      expect(await log.latest('feed', 0, 1)).toMatchObject({ events: [{ data: '1' }], more: false });
    });

    test('is passed over in the middle of a page', async () => {
      const log = harness().open();
      await store(log, about('a', 1), ...subjects(120).map((event) => withTtl(event, 50)), about('z', 2));

      await harness().passTime(50);

      expect(await log.latest('feed', 0, 1)).toMatchObject({ events: [{ data: '1' }], more: true });
      expect(await subjectsOf(log)).toEqual({ a: 1, z: 2 });
    });
  });

  describe('the limit on subjects', () => {
    test('a channel takes as many as its rules say; one more is refused, and the error names both numbers', async () => {
      const log = harness().open({ rules });
      await store(log, ...subjects(3));

      const refused = store(log, ...subjects(2, 4));

      await expect(refused).rejects.toMatchObject(tooMany);
      await expect(refused).rejects.toThrow(/"feed" would have 5 subjects; the limit is 3 \(maxSubjects /);
    });

    test('a channel with as many takes new events of them, removals, and events without a subject', async () => {
      const log = harness().open({ rules });
      await store(log, ...subjects(3));

      await store(log, about('s2', 'new'), newEvent('feed'));
      await store(log, about('s1', null, { remove: true }));
      await store(log, about('s9', 9));

      expect(await subjectsOf(log)).toEqual({ s2: 'new', s3: 3, s9: 9 });
    });

    test('it counts what is there after the request', async () => {
      const log = harness().open({ rules });
      await store(log, ...subjects(3));

      await store(
        log,
        about('s4', 4),
        about('s1', null, { remove: true }),
        about('s5', 5),
        about('s5', null, { remove: true }),
      );

      expect(await subjectsOf(log)).toEqual({ s2: 2, s3: 3, s4: 4 });
    });

    test('a subject that stands many times in a request counts once', async () => {
      const log = harness().open({ rules });

      await store(log, ...range(1, 10).map((n) => about('a', n)));

      expect(await subjectsOf(log)).toEqual({ a: 10 });
    });

    test('a refused request stores nothing in any channel, announces nothing, costs nothing, and uses up no key', async () => {
      const log = harness().open({ rules });
      await store(log, ...subjects(3));
      const listener = await listen(log, 'feed');
      const limits = [{ name: 'a', perSecond: 0.01, burst: 10 }];

      const events = [newEvent('other'), about('s1', 'new'), about('s4', 4)];
      await expect(log.append({ events, key, limits })).rejects.toMatchObject(tooMany);

      expect(await subjectsOf(log)).toEqual({ s1: 1, s2: 2, s3: 3 });
      expect((await log.ends(['other'])).get('other')).toBeNull();
      const fitting = range(1, 10).map((n) => about('s1', n));
      expect(
        (await log.append({ events: fitting, key: { ...key, fingerprint: 'g' }, limits })).duplicate,
      ).toBe(false);
      await listener.receives(10);
      expect(seqs(listener.events())).toEqual(range(4, 13));
      listener.stop();
    });

    test('a request over its rate is refused for that, before the subjects are counted', async () => {
      const log = harness().open({ rules });
      const limits = [{ name: 'a', perSecond: 0.01, burst: 3 }];
      await log.append({ events: subjects(3), key: null, limits });

      const refused = log.append({ events: subjects(1, 4), key: null, limits });

      await expect(refused).rejects.toMatchObject({ code: 'rate-limited' });
    });

    test('expired subjects do not count, however many they are', async () => {
      const log = harness().open({ rules: { feed: { maxSubjects: 450 } } });
      await store(log, about('stays', 1), ...subjects(449).map((event) => withTtl(event, 50)));
      await harness().passTime(50);

      await store(log, ...subjects(449, 1_001));

      expect(await readLatest(log)).toHaveLength(450);
      await expect(store(log, about('one-more'))).rejects.toMatchObject(tooMany);
    });

    test('an expired subject that comes back counts again', async () => {
      const log = harness().open({ rules });
      await store(log, about('a', 1, { ttlMs: 50 }), about('b', 1));
      await harness().passTime(50);
      await store(log, ...subjects(2));

      await expect(store(log, about('a', 2))).rejects.toThrow('would have 4 subjects');

      expect(await subjectsOf(log)).toEqual({ b: 1, s1: 1, s2: 2 });
    });
  });

  describe('the state of a log that was lost', () => {
    test('is lost with it, also if only the events are', async () => {
      const log = harness().open();
      await store(log, ...subjects(3));
      await harness().empty('feed');
      expect(await log.latest('feed', 0, 10)).toEqual({ state: null, events: [], more: false });

      await store(log, about('a', 1));

      expect(await subjectsOf(log)).toEqual({ a: 1 });
    });

    test('does not come back with an event without a subject', async () => {
      const log = harness().open();
      await store(log, ...subjects(3), about('t', 1, { ttlMs: longMs }));
      await harness().empty('feed');

      await appendTo(log, 'feed', 5);

      expect(await subjectsOf(log)).toEqual({});
      await store(log, about('s9', 9));
      expect(await subjectsOf(log)).toEqual({ s9: 9 });
    });

    test('is lost with the whole store', async () => {
      const log = harness().open({ rules });
      await store(log, ...subjects(3));
      await harness().wipe();

      await store(log, ...subjects(3, 4));

      expect(await subjectsOf(log)).toEqual({ s4: 4, s5: 5, s6: 6 });
    });

    test('is what the events say that are left when the log has lost its end', async () => {
      const log = harness().open();
      await store(log, about('a', 1), about('b', 2), about('a', 3), about('b', null, { remove: true }));
      await harness().loseEnd('feed', 2);
      expect(await subjectsOf(log)).toEqual({ a: 1, b: 2 });

      await harness().passTime(5);
      await store(log, about('c', 3));

      expect(await subjectsOf(log)).toEqual({ a: 1, b: 2, c: 3 });
    });
  });

  describe('forget', () => {
    test('deletes the events and the state of a channel; a publish starts it again in another epoch', async () => {
      const log = harness().open({ rules });
      await store(log, ...subjects(3));
      const { epoch } = await stateOf(log, 'feed');

      await log.forget('feed');

      expect((await log.ends(['feed'])).get('feed')).toBeNull();
      expect(await log.read('feed', { kind: 'newest' }, 10)).toEqual({ state: null, events: [] });
      expect(await log.latest('feed', 0, 10)).toEqual({ state: null, events: [], more: false });
      await store(log, ...subjects(3, 4));
      expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3]);
      expect((await stateOf(log, 'feed')).epoch).not.toBe(epoch);
      expect(await subjectsOf(log)).toEqual({ s4: 4, s5: 5, s6: 6 });
    });

    test('leaves other channels as they are', async () => {
      const log = harness().open();
      await store(
        log,
        about('a', 1, { channel: 'feed:x' }),
        about('a', 1),
        about('a', 1, { channel: 'fee' }),
      );

      await log.forget('feed');

      for (const channel of ['feed:x', 'fee']) expect(await subjectsOf(log, channel)).toEqual({ a: 1 });
    });

    test('tells the followers of the channel, on every log, to look', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 1);
      const listener = await listen(harness().open(), 'feed');

      await log.forget('feed');

      await listener.gets('unsure');
      expect(listener.events()).toEqual([]);
      listener.stop();
    });

    test('of a channel without a log changes nothing', async () => {
      const log = harness().open();
      await store(log, about('a', 1, { channel: 'other' }));

      await log.forget('feed');

      expect((await log.ends(['feed'])).get('feed')).toBeNull();
      expect(await subjectsOf(log, 'other')).toEqual({ a: 1 });
    });

    test('frees a channel that has ended', async () => {
      const log = harness().open();
      await store(log, lastEvent());

      await log.forget('feed');

      await appendTo(log, 'feed', 1);
      expect(await stateOf(log, 'feed')).not.toHaveProperty('ended');
    });

    test('leaves idempotency keys: a request from before is still a duplicate', async () => {
      const log = harness().open();
      const request = { events: [about('a', 1)], key };
      const { ids } = await log.append(request);

      await log.forget('feed');

      expect(await log.append(request)).toEqual({ ids, duplicate: true });
      expect((await log.ends(['feed'])).get('feed')).toBeNull();
    });
  });
}

function withTtl(event: NewEvent, ttlMs: number): NewEvent {
  return { ...event, attributes: { ...event.attributes, ttlMs } };
}
