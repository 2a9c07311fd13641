import { describe, expect, test } from 'vitest';
import { beforeFirst } from '../../../lib/core/ids.ts';
import { type EventLog, maxRead, type ReadFrom } from '../../../lib/log/event-log.ts';
import { appendOne, appendTo, newEvent, range, readAll, seqs, stateOf } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

const readSeqs = async (log: EventLog, from: ReadFrom, limit: number = maxRead) =>
  seqs((await log.read('feed', from, limit)).events);

export function describeRead(harness: () => LogHarness): void {
  describe('read', () => {
    /** Stores ten events, each 10 ms after the one before; returns the log and their ids. */
    const tenEvents = async () => {
      const log = harness().open();
      for (const _ of range(1, 10)) {
        await appendOne(log, 'feed');
        await harness().passTime(10);
      }
      return { log, ids: (await readAll(log, 'feed')).map((event) => event.id) };
    };
    const at = (ids: readonly { time: number; seq: number }[], seq: number) => ids[seq - 1] ?? beforeFirst;

    test('a channel that was never used has no state and no events', async () => {
      const log = harness().open();

      for (const from of [{ kind: 'newest' }, { kind: 'after', id: beforeFirst }] satisfies ReadFrom[]) {
        expect(await log.read('feed', from, 10)).toEqual({ state: null, events: [] });
      }
    });

    test.each(['after', 'before', 'newest'] as const)(
      'a page of large events ends early: %s',
      async (kind) => {
        const log = harness().open();
        for (const _ of range(1, 4)) {
          await log.append({
            events: range(1, 8).map(() => newEvent('feed', 'x'.repeat(60_000))),
            key: null,
          });
        }
        const end = (await readAll(log, 'feed')).at(-1)?.id ?? beforeFirst;
        const from = kind === 'newest' ? { kind } : { kind, id: kind === 'after' ? beforeFirst : end };

        const { events, state } = await log.read('feed', from, maxRead);

        const first = { after: 1, before: 32 - events.length, newest: 33 - events.length }[kind];
        expect(events.length).toBeGreaterThan(8);
        expect(events.length).toBeLessThan(30);
        expect(seqs(events)).toEqual(range(first, first + events.length - 1));
        expect(state?.last.seq).toBe(32);
      },
    );

    test('after 0-0 come the oldest events', async () => {
      const { log } = await tenEvents();

      expect(await readSeqs(log, { kind: 'after', id: beforeFirst }, 4)).toEqual(range(1, 4));
    });

    test('after an id come the events that follow it, without the id itself', async () => {
      const { log, ids } = await tenEvents();

      expect(await readSeqs(log, { kind: 'after', id: at(ids, 3) }, 4)).toEqual(range(4, 7));
      expect(await readSeqs(log, { kind: 'after', id: at(ids, 8) }, 4)).toEqual([9, 10]);
      expect(await readSeqs(log, { kind: 'after', id: at(ids, 10) }, 4)).toEqual([]);
    });

    test('an id that is not in the log is a place in the order of ids', async () => {
      const { log, ids } = await tenEvents();
      const between = { time: at(ids, 5).time + 1, seq: 5 };

      expect(await readSeqs(log, { kind: 'after', id: between })).toEqual(range(6, 10));
      expect(await readSeqs(log, { kind: 'before', id: between })).toEqual(range(1, 5));
    });

    test('ids are ordered by time first, then by seq', async () => {
      const { log, ids } = await tenEvents();
      const late = { time: at(ids, 5).time - 1, seq: 900 };
      const sameTime = { time: at(ids, 5).time, seq: 4 };

      expect(await readSeqs(log, { kind: 'after', id: late })).toEqual(range(5, 10));
      expect(await readSeqs(log, { kind: 'after', id: sameTime })).toEqual(range(5, 10));
    });

    test('after an id beyond the last one, or the largest possible id, comes nothing', async () => {
      const { log, ids } = await tenEvents();
      const max = Number.MAX_SAFE_INTEGER;

      expect(await readSeqs(log, { kind: 'after', id: { time: at(ids, 10).time, seq: 11 } })).toEqual([]);
      expect(await readSeqs(log, { kind: 'after', id: { time: max, seq: max } })).toEqual([]);
    });

    test('before an id come the newest events before it, oldest first', async () => {
      const { log, ids } = await tenEvents();
      const max = Number.MAX_SAFE_INTEGER;

      expect(await readSeqs(log, { kind: 'before', id: at(ids, 7) }, 3)).toEqual([4, 5, 6]);
      expect(await readSeqs(log, { kind: 'before', id: at(ids, 2) }, 3)).toEqual([1]);
      expect(await readSeqs(log, { kind: 'before', id: at(ids, 1) }, 3)).toEqual([]);
      expect(await readSeqs(log, { kind: 'before', id: beforeFirst }, 3)).toEqual([]);
      expect(await readSeqs(log, { kind: 'before', id: { time: max, seq: max } }, 3)).toEqual([8, 9, 10]);
    });

    test('the newest events come oldest first', async () => {
      const { log } = await tenEvents();

      expect(await readSeqs(log, { kind: 'newest' }, 3)).toEqual([8, 9, 10]);
      expect(await readSeqs(log, { kind: 'newest' }, 1)).toEqual([10]);
      expect(await readSeqs(log, { kind: 'newest' }, 500)).toEqual(range(1, 10));
    });

    test('of the last `count` events, the oldest come first', async () => {
      const { log } = await tenEvents();

      for (const count of range(1, 10)) {
        expect(await readSeqs(log, { kind: 'last', count }, 2)).toEqual(
          range(11 - count, Math.min(10, 12 - count)),
        );
      }
      for (const count of [11, 999_999_999]) {
        expect(await readSeqs(log, { kind: 'last', count })).toEqual(range(1, 10));
      }
    });

    test.each([1, 3, 50])(
      'the last `count` events are found among events of which %i share a time',
      async (atOnce) => {
        const log = harness().open();
        for (const _ of range(1, Math.ceil(60 / atOnce))) {
          await appendTo(log, 'feed', atOnce);
          await harness().passTime(2);
        }
        const all = seqs(await readAll(log, 'feed'));

        for (const count of range(1, all.length)) {
          expect(await readSeqs(log, { kind: 'last', count }, 1)).toEqual([all.at(-count)]);
        }
      },
    );

    test('since an age come the oldest events that are not older', async () => {
      const { log } = await tenEvents();
      await harness().passTime(2_000);
      await appendTo(log, 'feed', 3);

      expect(await readSeqs(log, { kind: 'since', ageMs: 1_500 })).toEqual([11, 12, 13]);
      expect(await readSeqs(log, { kind: 'since', ageMs: 1_500 }, 2)).toEqual([11, 12]);
      expect(await readSeqs(log, { kind: 'since', ageMs: 3_600_000 }, 2)).toEqual([1, 2]);
      await harness().passTime(10);
      expect(await readSeqs(log, { kind: 'since', ageMs: 0 })).toEqual([]);
    });

    test('an age older than the Unix epoch gives every event', async () => {
      const { log } = await tenEvents();

      expect(await readSeqs(log, { kind: 'since', ageMs: Number.MAX_SAFE_INTEGER })).toEqual(range(1, 10));
    });

    test('every page has the state, also one without events', async () => {
      const { log, ids } = await tenEvents();
      const state = await stateOf(log, 'feed');

      const page = await log.read('feed', { kind: 'after', id: at(ids, 10) }, 5);

      expect(page).toEqual({ state, events: [] });
      expect(state).toMatchObject({ first: at(ids, 1), last: at(ids, 10) });
    });

    test('a page can have 500 events', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 700);

      expect(await readSeqs(log, { kind: 'after', id: beforeFirst }, 500)).toEqual(range(1, 500));
      expect(await readSeqs(log, { kind: 'newest' }, 500)).toEqual(range(201, 700));
    });
  });

  describe('ends', () => {
    test('many channels give their states at once, null for a channel without a log', async () => {
      const log = harness().open();
      const used = range(1, 20).map((number) => `used-${number}`);
      for (const channel of used)
        await log.append({ events: [newEvent(channel), newEvent(channel)], key: null });

      const ends = await log.ends([...used, '123', 'constructor']);

      expect([...ends.keys()].toSorted()).toEqual([...used, '123', 'constructor'].toSorted());
      for (const channel of used)
        expect(ends.get(channel)).toMatchObject({ first: { seq: 1 }, last: { seq: 2 } });
      expect(ends.get('123')).toBeNull();
      expect(ends.get('constructor')).toBeNull();
    });

    test('no channels give an empty result, if the log answers', async () => {
      expect((await harness().open().ends([])).size).toBe(0);
    });

    test('the state is the same as in a read', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 5);

      const { state } = await log.read('feed', { kind: 'newest' }, 1);

      expect((await log.ends(['feed'])).get('feed')).toEqual(state);
    });
  });
}
