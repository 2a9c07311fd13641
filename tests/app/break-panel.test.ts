import { describe, expect, test } from 'vitest';
import { countShown } from '../../app/_feed/faults/break-panel.tsx';
import type { FeedEntry } from '../../lib/client/feed-options.ts';
import type { Gap } from '../../lib/core/continuity.ts';

const event = (number: number): FeedEntry => ({
  kind: 'event',
  key: `e${number}`,
  event: { id: `1000-${number}`, channel: 'feed', type: 'message', time: 1_000, data: number },
});

const gap = (reason: Gap['reason'], missed: number | null): FeedEntry => ({
  kind: 'gap',
  key: `g${reason}`,
  gap: { channel: 'feed', reason, missed, exact: true, after: '1000-1', resumesAt: null },
});

/** Events with these numbers, the newest first. */
const events = (...numbers: readonly number[]) => numbers.toSorted((a, b) => b - a).map(event);

describe('the count below the buttons', () => {
  test('counts from the oldest event that is shown to the newest one in the log', () => {
    expect(countShown(events(5, 6, 7), '1000-9')).toEqual({
      published: 5,
      shown: 3,
      gone: 0,
      unread: 2,
      missing: 0,
      twice: 0,
    });
  });

  test('finds an event that is missing between others', () => {
    expect(countShown(events(5, 7), '1000-7')).toMatchObject({ published: 3, shown: 2, missing: 1 });
  });

  test('finds an event that is shown twice', () => {
    expect(countShown(events(5, 6, 6), '1000-6')).toMatchObject({ shown: 2, twice: 1, missing: 0 });
  });

  test('does not call missing what the feed has reported as lost', () => {
    const entries = [...events(104, 105), gap('trimmed', 97), ...events(5, 6)];
    expect(countShown(entries, '1000-105')).toMatchObject({ published: 101, gone: 97, missing: 0 });
  });

  test('begins anew where the log has started again', () => {
    const entries = [...events(1, 2), gap('restarted', null), ...events(50, 51)];
    expect(countShown(entries, '1000-2')).toMatchObject({ published: 2, shown: 2, missing: 0 });
  });

  test('is zero while nothing is shown', () => {
    expect(countShown([], '1000-2')).toMatchObject({ published: 0, shown: 0, missing: 0, twice: 0 });
  });
});
