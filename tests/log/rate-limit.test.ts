import { describe, expect, test } from 'vitest';
import { chargeLimit, chargeOf, rateLimited } from '../../lib/log/rate-limit.ts';

const startMs = 1_763_841_234_567;
const limitOf = (perSecond: number, burst: number) => ({ name: 'a', perSecond, burst });

describe('a rate limit', () => {
  test.each([1, 3, 7, 100, 999_983, 1_000_000])(
    'of %i per second stores its burst of 500 one by one, and no more than one tick of the clock allows',
    (perSecond) => {
      const charge = chargeOf(limitOf(perSecond, 500), 1);
      let stored = 0;
      for (let next = chargeLimit(null, startMs, charge); next.waitMs === 0 && stored < 2_000; stored += 1) {
        next = chargeLimit(next.fullAt, startMs, charge);
      }

      expect(stored).toBeGreaterThanOrEqual(500);
      // One tick of the clock is given away. At a million per second the precision of a double adds a few per cent.
      expect(stored).toBeLessThanOrEqual((500 + perSecond / 1_000) * 1.05);
    },
  );

  test('of 3 per second stores 3 per second for an hour, when requests come every ms', () => {
    const charge = chargeOf(limitOf(3, 500), 1);
    let fullAt: number | null = startMs + charge.allowanceMs;
    let stored = 0;
    for (let nowMs = startMs; nowMs < startMs + 3_600_000; nowMs += 1) {
      const charged = chargeLimit(fullAt, nowMs, charge);
      if (charged.waitMs > 0) continue;
      fullAt = charged.fullAt;
      stored += 1;
    }

    expect(Math.abs(stored - 3 * 3_600)).toBeLessThanOrEqual(1);
  });

  test('returns the wait after which the request fits', () => {
    const limit = limitOf(3, 500);
    const { fullAt } = chargeLimit(null, startMs, chargeOf(limit, 500));
    const { waitMs } = chargeLimit(fullAt, startMs, chargeOf(limit, 100));

    expect(waitMs).toBeCloseTo(33_332.333, 2);
    expect(chargeLimit(fullAt, startMs + waitMs - 1, chargeOf(limit, 100)).waitMs).toBeGreaterThan(0);
    expect(chargeLimit(fullAt, startMs + Math.ceil(waitMs), chargeOf(limit, 100)).waitMs).toBe(0);
  });
});

describe('the refusal of a rate limit', () => {
  test.each([
    [
      100,
      1_000,
      2_001,
      'This publisher may store 100 events per second, at most 1,000 at once. Try again in 3 s.',
      3,
    ],
    [1, 500, 5, 'This publisher may store 1 event per second, at most 500 at once. Try again in 1 s.', 1],
    [3, 500, 0, 'This publisher may store 3 events per second, at most 500 at once. Try again in 1 s.', 1],
  ])('of %i per second, %i at once, after %i ms is %j', (perSecond, burst, waitMs, message, seconds) => {
    const refusal = rateLimited(limitOf(perSecond, burst), waitMs);

    expect(refusal).toMatchObject({ code: 'rate-limited', message, retryAfterSeconds: seconds });
  });
});
