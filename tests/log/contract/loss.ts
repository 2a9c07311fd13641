import { describe, expect, test } from 'vitest';
import { checkContinuity } from '../../../lib/core/continuity.ts';
import { beforeFirst, idBefore } from '../../../lib/core/ids.ts';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { appendOne, appendTo, range, readAll, seqs, stateOf } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

/** The position of a reader that has seen every event. */
async function endOf(log: EventLog) {
  const { epoch, last } = await stateOf(log, 'feed');
  return { id: last, epoch };
}

/** Reads after a position and checks its continuity. */
async function continuityFrom(log: EventLog, position: Awaited<ReturnType<typeof endOf>>) {
  const { state, events } = await log.read('feed', { kind: 'after', id: position.id }, 10);
  return checkContinuity({ position, state, next: events[0]?.id ?? null });
}

export function describeLoss(harness: () => LogHarness): void {
  describe('retention', () => {
    test('the log keeps at least the newest events up to retention, and removes older ones', async () => {
      const log = harness().open({ retention: 100 });
      await appendTo(log, 'feed', 2_000);

      const kept = seqs(await readAll(log, 'feed'));

      expect(kept.at(-1)).toBe(2_000);
      expect(kept.length).toBeGreaterThanOrEqual(100);
      expect(kept.length).toBeLessThan(1_000);
      expect(kept).toEqual(range(kept[0] ?? 0, 2_000));
    });

    test('a log within its retention removes nothing', async () => {
      const log = harness().open({ retention: 100 });

      for (const _ of range(1, 10)) await appendTo(log, 'feed', 10);

      expect(seqs(await readAll(log, 'feed'))).toEqual(range(1, 100));
    });

    test('small appends also remove old events, in their own channel only', async () => {
      const log = harness().open({ retention: 20 });
      await appendTo(log, 'quiet', 5);

      for (const _ of range(1, 100)) await appendTo(log, 'feed', 5);

      const { first, last } = await stateOf(log, 'feed');
      expect(last.seq - first.seq + 1).toBeGreaterThanOrEqual(20);
      expect(last.seq - first.seq + 1).toBeLessThan(300);
      expect(seqs(await readAll(log, 'quiet'))).toEqual(range(1, 5));
    });

    test('of an append larger than retention, at least the newest events are kept', async () => {
      const log = harness().open({ retention: 20 });

      const ids = await appendTo(log, 'feed', 500);

      expect(ids).toHaveLength(500);
      expect(seqs(await readAll(log, 'feed')).slice(-20)).toEqual(range(481, 500));
    });

    test('a reader whose position was trimmed gets the exact number of missing events', async () => {
      const log = harness().open({ retention: 100 });
      const id = await appendOne(log, 'feed');
      const { epoch } = await stateOf(log, 'feed');
      await appendTo(log, 'feed', 2_000);

      const continuity = await continuityFrom(log, { id, epoch });

      const { first } = await stateOf(log, 'feed');
      expect(first.seq).toBeGreaterThan(2);
      expect(continuity).toMatchObject({
        kind: 'gap',
        reason: 'trimmed',
        missed: first.seq - 2,
        resumesAt: first,
      });
    });

    test('a reader directly before the oldest event continues', async () => {
      const log = harness().open({ retention: 100 });
      await appendTo(log, 'feed', 2_000);
      const { epoch, first } = await stateOf(log, 'feed');

      expect(await continuityFrom(log, { id: idBefore(first), epoch })).toEqual({ kind: 'continue' });
    });
  });

  describe('loss', () => {
    test('a reader of an intact log continues', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);
      const position = await endOf(log);

      expect(await continuityFrom(log, position)).toEqual({ kind: 'continue' });
      await appendTo(log, 'feed', 3);
      expect(await continuityFrom(log, position)).toEqual({ kind: 'continue' });
    });

    test('an emptied log gives restarted', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);
      const position = await endOf(log);
      await harness().empty('feed');

      expect(await continuityFrom(log, position)).toMatchObject({
        kind: 'gap',
        reason: 'restarted',
        resumesAt: null,
      });
    });

    test('after it was emptied, a channel counts from 1 in another epoch', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);
      const before = await stateOf(log, 'feed');
      await harness().empty('feed');

      await appendTo(log, 'feed', 2);

      expect((await stateOf(log, 'feed')).epoch).not.toBe(before.epoch);
      expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2]);
    });

    test.each([1, 3, 8])(
      'a new log of %i events gives restarted after 3 events of the old one',
      async (count) => {
        const log = harness().open();
        await appendTo(log, 'feed', 3);
        const position = await endOf(log);
        await harness().wipe();
        await harness().passTime(5);
        await appendTo(log, 'feed', count);

        const { epoch, first } = await stateOf(log, 'feed');
        expect(await continuityFrom(log, position)).toEqual({
          kind: 'gap',
          reason: 'restarted',
          missed: null,
          resume: { id: beforeFirst, epoch },
          resumesAt: first,
        });
      },
    );

    test('a log that lost its end gives stale, and restarted if it stays so', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 6);
      const position = await endOf(log);
      await harness().loseEnd('feed', 2);

      const { epoch, last } = await stateOf(log, 'feed');
      expect(last.seq).toBe(4);
      expect(await continuityFrom(log, position)).toMatchObject({
        kind: 'stale',
        otherwise: { reason: 'restarted', resume: { id: last, epoch } },
      });
    });

    test.each([1, 2, 5])(
      'a log that lost its end and issued %i seqs again gives restarted',
      async (count) => {
        const log = harness().open();
        await appendTo(log, 'feed', 6);
        const position = await endOf(log);
        await harness().loseEnd('feed', 2);
        await harness().passTime(5);
        await appendTo(log, 'feed', count);

        const continuity = await continuityFrom(log, position);

        expect((await stateOf(log, 'feed')).epoch).toBe(position.epoch);
        expect(continuity).toMatchObject({ kind: 'gap', reason: 'restarted', resumesAt: { seq: 5 } });
      },
    );
  });
}
