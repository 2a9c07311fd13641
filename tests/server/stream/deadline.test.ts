import { describe, expect, test } from 'vitest';
import { planDeadline, plannedRetryMs, unplannedRetryMs } from '../../../lib/server/stream/deadline.ts';
import { seeded, seeds } from '../../support/seeded.ts';

describe('a deadline', () => {
  test.each([
    // limit, random, handover, closes in
    [300, 0, 290_000, 6_000],
    [300, 0.5, 275_000, 6_000],
    [800, 0, 790_000, 6_000],
    [60, 0, 54_000, 3_600],
    [60, 0.5, 48_000, 3_600],
    [100, 0.5, 80_000, 6_000],
    [150, 1, 110_000, 6_000],
    [10, 0, 9_000, 600],
    [10, 1, 7_000, 600],
    [5, 0.5, 3_500, 600],
    [1, 0, 0, 600],
    [0.5, 0, 0, 300],
    [0, 0.9, 0, 0],
  ])(
    'of %d s with random %d hands over after %d ms and closes %d ms later',
    (limit, random, handover, closes) => {
      const { handoverInMs, closesInMs } = planDeadline(limit, random);

      expect(handoverInMs).toBeCloseTo(handover, 6);
      expect(closesInMs).toBeCloseTo(closes, 6);
    },
  );

  test.each(seeds(20))(
    'is never beyond the limit, including the time to cut a reader that has stopped reading (seed %i)',
    (seed) => {
      const random = seeded(seed);
      for (let turn = 0; turn < 500; turn++) {
        const limit = random.next() * random.pick([1, 10, 100, 1_000]);
        const { handoverInMs, closesInMs } = planDeadline(limit, random.next());

        expect(handoverInMs).toBeGreaterThanOrEqual(0);
        expect(handoverInMs + closesInMs * 1.3).toBeLessThanOrEqual(limit * 1_000);
      }
    },
  );

  test('retry is 250 to 1,000 ms at a planned end, 1,000 to 5,000 ms in hello', () => {
    expect([plannedRetryMs(0), plannedRetryMs(0.999_999)]).toEqual([250, 1_000]);
    expect([unplannedRetryMs(0), unplannedRetryMs(0.999_999)]).toEqual([1_000, 5_000]);
  });
});

test.each([24.998_3, 7.001_7, 0.333_3])(
  'of a request with %s s left, the wait for the end is in whole ms',
  (seconds) => {
    expect(Number.isInteger(planDeadline(seconds, 0.5).closesInMs)).toBe(true);
  },
);
