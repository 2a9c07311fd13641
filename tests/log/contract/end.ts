import { describe, expect, test } from 'vitest';
import { formatEventId } from '../../../lib/core/ids.ts';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { listen } from '../../support/log/listener.ts';
import {
  about,
  appendTo,
  lastEvent,
  newEvent,
  newEvents,
  range,
  readAll,
  readLatest,
  seqs,
  stateOf,
  store,
  subjectsOf,
} from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

const ended = { name: 'FeedError', code: 'channel-ended' };
const key = { name: 'k', fingerprint: 'f' };

const isGone = async (log: EventLog, channel = 'feed') => (await log.ends([channel])).get(channel) === null;

export function describeEnd(harness: () => LogHarness): void {
  describe('a channel that ends', () => {
    test('says so in every answer about it, from its last event on', async () => {
      const log = harness().open();
      await store(log, about('a', 1), newEvent('feed', 2));
      for (const state of await statesFrom(log)) expect(state).not.toHaveProperty('ended');

      await store(log, newEvent('feed', 3), lastEvent('feed', 'bye'));

      for (const state of await statesFrom(log))
        expect(state).toMatchObject({ ended: true, last: { seq: 4 } });
      expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3, 4]);
    });

    test('takes no more events; the error names the id of the last one', async () => {
      const log = harness().open();
      await store(log, newEvent('feed'), lastEvent());
      const { last } = await stateOf(log, 'feed');

      const refused = store(harness().open(), newEvent('feed'));

      await expect(refused).rejects.toMatchObject(ended);
      await expect(refused).rejects.toThrow(`"feed" ended at ${formatEventId(last)}. `);
      await expect(store(log, lastEvent())).rejects.toMatchObject(ended);
      await expect(store(log, about('a'))).rejects.toMatchObject(ended);
    });

    test('refuses the whole request: nothing is stored, announced or charged, and the key is not used up', async () => {
      const log = harness().open();
      await store(log, lastEvent());
      const listener = await listen(log, 'other');
      const limits = [{ name: 'a', perSecond: 0.01, burst: 3 }];

      const events = [newEvent('other', 1), newEvent('feed'), about('a', 2, { channel: 'other' })];
      await expect(log.append({ events, key, limits })).rejects.toMatchObject(ended);

      expect((await log.ends(['other'])).get('other')).toBeNull();
      const fitting = newEvents('other', 3);
      expect(
        (await log.append({ events: fitting, key: { ...key, fingerprint: 'g' }, limits })).duplicate,
      ).toBe(false);
      await listener.receives(3);
      expect(seqs(listener.events())).toEqual([1, 2, 3]);
      listener.stop();
    });

    test('the error names the channel that has ended, of several', async () => {
      const log = harness().open();
      await store(log, lastEvent('b'));

      await expect(store(log, newEvent('a'), newEvent('b'), newEvent('c'))).rejects.toThrow(
        'Channel "b" ended',
      );
    });

    test('several channels can end in one request', async () => {
      const log = harness().open();

      await store(log, newEvent('a'), lastEvent('a'), lastEvent('b'), newEvent('c'));

      const ends = await log.ends(['a', 'b', 'c']);
      expect([...ends.values()].map((state) => state?.ended)).toEqual([true, true, undefined]);
    });

    test('a retry of the request that ended it is a duplicate', async () => {
      const log = harness().open();
      const request = { events: [newEvent('feed'), lastEvent()], key };
      const { ids } = await log.append(request);

      expect(await log.append(request)).toEqual({ ids, duplicate: true });
    });

    test('a request over its rate gets the refusal that the channel has ended, because waiting would not help', async () => {
      const log = harness().open();
      const limits = [{ name: 'a', perSecond: 0.01, burst: 1 }];
      await log.append({ events: [lastEvent()], key: null, limits });

      await expect(log.append({ events: newEvents('feed', 1), key: null, limits })).rejects.toMatchObject(
        ended,
      );
    });

    test('of 20 requests at the same time that end it, one is stored', async () => {
      const logs = [harness().open(), harness().open()] as const;

      const work = range(1, 20).map((turn) =>
        store(logs[turn % 2 === 0 ? 0 : 1], newEvent('feed'), lastEvent()),
      );
      const outcomes = await Promise.allSettled(work);

      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(seqs(await readAll(logs[0], 'feed'))).toEqual([1, 2]);
    });

    test('keeps its last event and its state, however short its retention is', async () => {
      const log = harness().open({ retention: 1 });
      await store(log, about('a', 1));
      for (const _ of range(1, 10)) await appendTo(log, 'feed', 50);

      await store(log, lastEvent('feed', 'bye'));

      expect((await readAll(log, 'feed')).at(-1)).toMatchObject({ data: '"bye"' });
      expect(await subjectsOf(log)).toEqual({ a: 1 });
    });

    test.each([
      ['data that looks like the end', newEvent('feed', { end: true })],
      ['text that looks like a stored end', newEvent('feed', ',"end":true,"data":1')],
      [
        'data with that text in it',
        { channel: 'feed', type: 'message', data: '{"x":",\\"end\\":true","data":1}' },
      ],
      [
        'members that look like it',
        { channel: 'feed', type: 'message', data: '{"type":"t","end":true,"data":1}' },
      ],
      ['the type end', newEvent('feed', null, 'end')],
      ['the subject end', about('end', 1)],
      ['the removal of a subject', about('a', null, { remove: true })],
      ['an event that expires', about('a', null, { ttlMs: 1 })],
    ])('does not end by %s', async (_, event) => {
      const log = harness().open();
      await store(log, event);

      expect(await stateOf(log, 'feed')).not.toHaveProperty('ended');
      await store(log, event);
      expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2]);
    });

    test('does not end before its request is stored: earlier events of the request are kept', async () => {
      const log = harness().open();

      const { ids } = await store(log, ...newEvents('feed', 499), lastEvent());

      expect(seqs(ids)).toEqual(range(1, 500));
    });

    test('starts again, in another epoch, when its log was lost', async () => {
      const log = harness().open();
      await store(log, lastEvent());
      const { epoch } = await stateOf(log, 'feed');
      await harness().empty('feed');

      await appendTo(log, 'feed', 1);

      expect((await stateOf(log, 'feed')).epoch).not.toBe(epoch);
    });

    test('goes on if the event that ended it was lost', async () => {
      const log = harness().open();
      await store(log, newEvent('feed'), newEvent('feed'), lastEvent());
      await harness().loseEnd('feed', 1);
      await harness().passTime(5);

      await appendTo(log, 'feed', 1);

      expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3]);
      expect(await stateOf(log, 'feed')).not.toHaveProperty('ended');
    });
  });

  describe('a channel that expires after its end', () => {
    // Redis has the real clock. Whatever a busy machine does between two steps, an hour is not over.
    const rules = { feed: { expireAfterEndSeconds: 1 }, hour: { expireAfterEndSeconds: 3_600 } };

    test('is there until its time is over, and then it is gone for every reader', async () => {
      const log = harness().open({ rules });
      await store(log, about('a', 1), lastEvent());
      await store(log, about('a', 1, { channel: 'hour' }), lastEvent('hour'));
      await store(log, newEvent('other'));

      await harness().passTime(1_000);

      expect(await isGone(log, 'hour')).toBe(false);
      expect(await readLatest(log, 'hour')).toHaveLength(1);
      expect(await isGone(log)).toBe(true);
      expect(await log.read('feed', { kind: 'newest' }, 10)).toEqual({ state: null, events: [] });
      expect(await log.latest('feed', 0, 10)).toEqual({ state: null, events: [], more: false });
      expect(await isGone(harness().open({ rules }))).toBe(true);
      expect(seqs(await readAll(log, 'other'))).toEqual([1]);
    });

    test('can then be used again, in another epoch and without its old state', async () => {
      const log = harness().open({ rules });
      await store(log, about('a', 1), about('b', 2, { ttlMs: 3_600_000 }), lastEvent());
      const { epoch } = await stateOf(log, 'feed');
      await harness().passTime(1_000);

      await store(log, about('c', 3));

      expect(seqs(await readAll(log, 'feed'))).toEqual([1]);
      expect(await subjectsOf(log)).toEqual({ c: 3 });
      expect((await stateOf(log, 'feed')).epoch).not.toBe(epoch);
    });

    test('is kept while it has not ended, and where the rules do not say so', async () => {
      const log = harness().open({ rules });
      await store(log, newEvent('feed'), lastEvent('other'));

      await harness().passTime(1_000);
      await appendTo(log, 'feed', 1);

      expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2]);
      expect(await stateOf(log, 'other')).toMatchObject({ ended: true });
    });
  });

  async function statesFrom(log: EventLog) {
    const { state } = await log.read('feed', { kind: 'newest' }, 1);
    return [state, (await log.latest('feed', 0, 1)).state, (await log.ends(['feed'])).get('feed')];
  }
}
