import { describe, expect, test } from 'vitest';
import { checkContinuity } from '../../../lib/core/continuity.ts';
import { compareEventIds } from '../../../lib/core/ids.ts';
import { endOf, indexAfter, type Segment } from '../../../lib/server/tail/ring-buffer.ts';
import { seeded, seeds } from '../../support/seeded.ts';
import { makeEntries, positionAt, timeOf } from '../../support/server/entries.ts';

const segment: Segment = { base: positionAt(4), entries: makeEntries(5, 9) };
const borrowed: Segment = { base: positionAt(4, timeOf(5)), entries: makeEntries(5, 9) };

describe('the event after a position in a segment', () => {
  test.each([
    ['the base', segment, positionAt(4), 0],
    ['an entry', segment, positionAt(6), 2],
    ['the last entry', segment, positionAt(9), 5],
    ['a position before the base', segment, positionAt(3), -1],
    ['a position after the end', segment, positionAt(10), -1],
    ['another epoch', segment, { ...positionAt(6), epoch: 'zzzzzz' }, -1],
    ['no epoch', segment, { ...positionAt(6), epoch: null }, -1],
    ['a position with the time of the next entry', segment, positionAt(6, timeOf(7)), 2],
    ['the base with the time of the next entry', segment, positionAt(4, timeOf(5)), 0],
    ['the base that carries the time of the next entry', borrowed, positionAt(4, timeOf(5)), 0],
    ['a lost event whose number the base has now', segment, positionAt(4, timeOf(4) - 3), -1],
    ['a lost event whose number such a base has now', borrowed, positionAt(4, timeOf(4) - 3), -1],
    ['a lost event whose number an entry has now', segment, positionAt(6, timeOf(6) - 3), -1],
    ['the end, later', segment, positionAt(9, timeOf(9) + 1), -1],
  ])('%s: %#', (_, within, position, index) => {
    expect(indexAfter(within, position)).toBe(index);
  });

  test('an empty segment knows only its base', () => {
    const empty = { base: positionAt(4), entries: [] };

    expect(indexAfter(empty, positionAt(4))).toBe(0);
    expect(indexAfter(empty, positionAt(4, timeOf(4) + 1))).toBe(-1);
    expect(endOf(empty)).toEqual(positionAt(4));
  });

  test.each(seeds(10))('is the next event of the log, or unknown (seed %i)', (seed) => {
    const random = seeded(seed);
    for (let turn = 0; turn < 500; turn++) {
      const position = positionAt(random.whole(3, 11), timeOf(random.whole(3, 11)) + random.whole(-2, 2));
      const index = indexAfter(segment, position);
      if (index === -1) continue;

      const next = segment.entries.find(({ id }) => compareEventIds(id, position.id) > 0)?.id ?? null;
      const state = { epoch: position.epoch, first: positionAt(1).id, last: positionAt(9).id };
      expect(segment.entries[index]?.id ?? null).toEqual(next);
      expect(checkContinuity({ position, state, next })).toEqual({ kind: 'continue' });
    }
  });
});
