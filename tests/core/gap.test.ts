import { describe, expect, test } from 'vitest';
import { judge, toGap } from '../../lib/core/continuity.ts';
import { beforeFirst, type EventId } from '../../lib/core/ids.ts';

const id = (time: number, seq: number): EventId => ({ time, seq });

/** The loss of a reader at seq 2, when the log keeps `first` to `last` in this epoch. */
function lossOf(state: { epoch: string; first: EventId; last: EventId } | null) {
  const next = state === null ? null : state.first;
  const verdict = judge({ position: { id: id(100, 2), epoch: 'aaaaaa' }, state, next });
  if (verdict.kind !== 'gap') throw new Error(`judged ${verdict.kind}`);
  return verdict;
}

const trimmed = lossOf({ epoch: 'aaaaaa', first: id(100, 6), last: id(100, 9) });

describe('a gap', () => {
  test('that was trimmed names the exact number and both ends', () => {
    expect(toGap('feed', id(100, 2), trimmed, false)).toEqual({
      channel: 'feed',
      reason: 'trimmed',
      missed: 3,
      exact: true,
      after: '100-2',
      resumesAt: '100-6',
    });
  });

  test('of a filtered reader is an upper bound, and says so', () => {
    expect(toGap('feed', id(100, 2), trimmed, true)).toMatchObject({ missed: 3, exact: false });
  });

  test('that restarted knows no number', () => {
    const loss = lossOf({ epoch: 'bbbbbb', first: id(200, 1), last: id(200, 4) });

    expect(toGap('feed', id(100, 2), loss, false)).toEqual({
      channel: 'feed',
      reason: 'restarted',
      missed: null,
      exact: false,
      after: '100-2',
      resumesAt: '200-1',
    });
  });

  test('has no end while the log is empty', () => {
    expect(toGap('feed', id(100, 2), lossOf(null), false)).toMatchObject({
      reason: 'restarted',
      resumesAt: null,
    });
  });

  test('may begin before the first event', () => {
    expect(toGap('feed', beforeFirst, trimmed, false).after).toBe('0-0');
  });
});
