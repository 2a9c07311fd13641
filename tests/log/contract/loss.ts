import { describe, expect, test } from 'vitest';
import { checkContinuity } from '../../../lib/core/continuity.ts';
import { beforeFirst, idBefore } from '../../../lib/core/ids.ts';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { appendOne, appendTo, range, readAll, seqs, stateOf } from '../../support/log/log-steps.ts';
import type { LogHarness } from '../contract.ts';

/** Where a reader that has seen everything is. */
async function endOf(log: EventLog) {
  const { epoch, last } = await stateOf(log, 'feed');
  return { id: last, epoch };
}

/** Reads on from a position and judges the answer. */
async function judgeFrom(log: EventLog, position: Awaited<ReturnType<typeof endOf>>) {
  const { state, events } = await log.read('feed', { kind: 'after', id: position.id }, 10);
  return checkContinuity({ position, state, next: events[0]?.id ?? null });
}

export function describeLoss(harness: () => LogHarness): void {
  describe('retention', () => {
    test('at least as many as asked for are kept, the newest, and older ones go', async () => {
      const log = harness().open({ retention: 100 });
      await appendTo(log, 'feed', 2_000);

      const kept = seqs(await readAll(log, 'feed'));

      expect(kept.at(-1)).toBe(2_000);
      expect(kept.length).toBeGreaterThanOrEqual(100);
      expect(kept.length).toBeLessThan(1_000);
      expect(kept).toEqual(range(kept[0] ?? 0, 2_000));
    });

    test('a log that is not full drops nothing', async () => {
      const log = harness().open({ retention: 100 });

      for (const _ of range(1, 10)) await appendTo(log, 'feed', 10);

      expect(seqs(await readAll(log, 'feed'))).toEqual(range(1, 100));
    });

    test('small appends trim as well, each channel for itself', async () => {
      const log = harness().open({ retention: 20 });
      await appendTo(log, 'quiet', 5);

      for (const _ of range(1, 100)) await appendTo(log, 'feed', 5);

      const { first, last } = await stateOf(log, 'feed');
      expect(last.seq - first.seq + 1).toBeGreaterThanOrEqual(20);
      expect(last.seq - first.seq + 1).toBeLessThan(300);
      expect(seqs(await readAll(log, 'quiet'))).toEqual(range(1, 5));
    });

    test('an append larger than retention is kept whole or at its end', async () => {
      const log = harness().open({ retention: 20 });

      const ids = await appendTo(log, 'feed', 500);

      expect(ids).toHaveLength(500);
      expect(seqs(await readAll(log, 'feed')).slice(-20)).toEqual(range(481, 500));
    });

    test('a reader whose position was trimmed away is told the exact number', async () => {
      const log = harness().open({ retention: 100 });
      const id = await appendOne(log, 'feed');
      const { epoch } = await stateOf(log, 'feed');
      await appendTo(log, 'feed', 2_000);

      const verdict = await judgeFrom(log, { id, epoch });

      const { first } = await stateOf(log, 'feed');
      expect(first.seq).toBeGreaterThan(2);
      expect(verdict).toMatchObject({
        kind: 'gap',
        reason: 'trimmed',
        missed: first.seq - 2,
        resumesAt: first,
      });
    });

    test('a reader just ahead of the oldest kept goes on', async () => {
      const log = harness().open({ retention: 100 });
      await appendTo(log, 'feed', 2_000);
      const { epoch, first } = await stateOf(log, 'feed');

      expect(await judgeFrom(log, { id: idBefore(first), epoch })).toEqual({ kind: 'continue' });
    });
  });

  describe('loss', () => {
    test('a reader of an untouched log goes on', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);
      const position = await endOf(log);

      expect(await judgeFrom(log, position)).toEqual({ kind: 'continue' });
      await appendTo(log, 'feed', 3);
      expect(await judgeFrom(log, position)).toEqual({ kind: 'continue' });
    });

    test('an emptied log is judged restarted', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);
      const position = await endOf(log);
      await harness().empty('feed');

      expect(await judgeFrom(log, position)).toMatchObject({
        kind: 'gap',
        reason: 'restarted',
        resumesAt: null,
      });
    });

    test('a log that was emptied and begun again counts from 1 in another epoch', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);
      const before = await stateOf(log, 'feed');
      await harness().empty('feed');

      await appendTo(log, 'feed', 2);

      expect((await stateOf(log, 'feed')).epoch).not.toBe(before.epoch);
      expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2]);
    });

    test.each([1, 3, 8])('a new log of %i events is judged restarted after 3 of the old', async (count) => {
      const log = harness().open();
      await appendTo(log, 'feed', 3);
      const position = await endOf(log);
      await harness().wipe();
      await harness().passTime(5);
      await appendTo(log, 'feed', count);

      const { epoch, first } = await stateOf(log, 'feed');
      expect(await judgeFrom(log, position)).toEqual({
        kind: 'gap',
        reason: 'restarted',
        missed: null,
        resume: { id: beforeFirst, epoch },
        resumesAt: first,
      });
    });

    test('a log that lost its end is asked again, then judged restarted', async () => {
      const log = harness().open();
      await appendTo(log, 'feed', 6);
      const position = await endOf(log);
      await harness().loseEnd('feed', 2);

      const { epoch, last } = await stateOf(log, 'feed');
      expect(last.seq).toBe(4);
      expect(await judgeFrom(log, position)).toMatchObject({
        kind: 'stale',
        otherwise: { reason: 'restarted', resume: { id: last, epoch } },
      });
    });

    test.each([1, 2, 5])('an end that was lost and %i issued again is judged restarted', async (count) => {
      const log = harness().open();
      await appendTo(log, 'feed', 6);
      const position = await endOf(log);
      await harness().loseEnd('feed', 2);
      await harness().passTime(5);
      await appendTo(log, 'feed', count);

      const verdict = await judgeFrom(log, position);

      expect((await stateOf(log, 'feed')).epoch).toBe(position.epoch);
      expect(verdict).toMatchObject({ kind: 'gap', reason: 'restarted', resumesAt: { seq: 5 } });
    });
  });
}
