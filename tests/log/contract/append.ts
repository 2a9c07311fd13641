import { describe, expect, test } from 'vitest';
import { isEpoch } from '../../../lib/core/cursor.ts';
import {
  appendOne,
  appendTo,
  newEvent,
  newEvents,
  range,
  readAll,
  seqs,
  stateOf,
} from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

export function describeAppend(harness: () => LogHarness): void {
  describe('append', () => {
    test('each channel has dense seqs from 1', async () => {
      const log = harness().open();

      await appendTo(log, 'one', 3);
      await appendTo(log, 'two', 2);
      await appendTo(log, 'one', 2);

      expect(seqs(await readAll(log, 'one'))).toEqual(range(1, 5));
      expect(seqs(await readAll(log, 'two'))).toEqual([1, 2]);
    });

    test('an append returns the ids that a read then returns', async () => {
      const log = harness().open();

      const { ids, duplicate } = await log.append({ events: newEvents('feed', 500), key: null });

      expect(duplicate).toBe(false);
      expect(ids).toEqual((await readAll(log, 'feed')).map((event) => event.id));
      expect(new Set(ids.map((id) => id.time)).size).toBe(1);
    });

    test('ids have the Unix time in ms', async () => {
      const log = harness().open();

      const { time } = await appendOne(log, 'feed');

      expect(Math.abs(time - Date.now())).toBeLessThan(60_000);
    });

    test('when the clock jumps back an hour, new ids have the time of the last id', async () => {
      const log = harness().open();
      await appendOne(log, 'feed');
      await harness().clockJumpsBack('feed');
      const { last } = await stateOf(log, 'feed');

      const { ids } = await log.append({ events: newEvents('feed', 2), key: null });

      expect(ids).toEqual([
        { time: last.time, seq: last.seq + 1 },
        { time: last.time, seq: last.seq + 2 },
      ]);
    });

    test('a clock that jumped back does not affect other channels', async () => {
      const log = harness().open();
      await appendOne(log, 'feed');
      await harness().clockJumpsBack('feed');
      const { last } = await stateOf(log, 'feed');

      const { ids } = await log.append({ events: [newEvent('feed'), newEvent('other')], key: null });

      expect(ids[0]).toEqual({ time: last.time, seq: last.seq + 1 });
      expect(ids[1]?.seq).toBe(1);
      expect(ids[1]?.time).toBeLessThan(last.time);
    });

    test('each channel of a mixed request gets its own seqs, returned in the order of the request', async () => {
      const log = harness().open();
      await appendTo(log, 'b', 4);

      const events = ['a', 'b', 'a', 'b', 'a'].map((channel, index) => newEvent(channel, index));
      const { ids } = await log.append({ events, key: null });

      expect(seqs(ids)).toEqual([1, 5, 2, 6, 3]);
      expect((await readAll(log, 'a')).map((event) => event.data)).toEqual(['0', '2', '4']);
      expect((await readAll(log, 'b')).slice(4).map((event) => event.data)).toEqual(['1', '3']);
    });

    test('a channel keeps its epoch, and each channel has its own', async () => {
      const log = harness().open();
      await appendTo(log, 'one', 1);
      await appendTo(log, 'two', 1);
      const { epoch } = await stateOf(log, 'one');

      await appendTo(harness().open(), 'one', 5);

      expect(isEpoch(epoch)).toBe(true);
      expect((await stateOf(log, 'one')).epoch).toBe(epoch);
      expect((await stateOf(log, 'two')).epoch).not.toBe(epoch);
    });

    test('a request that fails for one channel stores nothing in any channel', async () => {
      const log = harness().open();
      await appendTo(log, 'old', 2);
      await harness().breakChannel('broken');

      const events = ['old', 'new', 'broken', 'old'].map((channel) => newEvent(channel));
      await expect(log.append({ events, key: null })).rejects.toMatchObject({ code: 'log-unavailable' });

      expect(seqs(await readAll(log, 'old'))).toEqual([1, 2]);
      expect((await log.ends(['new'])).get('new')).toBeNull();
    });

    test('a failed request leaves no hole in the seqs, and no key', async () => {
      const log = harness().open();
      await harness().breakChannel('broken');
      const key = { name: 'k', fingerprint: 'f' };
      const failing = { events: [newEvent('feed'), newEvent('broken')], key };
      await expect(log.append(failing)).rejects.toMatchObject({ code: 'log-unavailable' });

      const answer = await log.append({ events: [newEvent('feed')], key });

      expect(answer.duplicate).toBe(false);
      expect(seqs(answer.ids)).toEqual([1]);
    });
  });
}
