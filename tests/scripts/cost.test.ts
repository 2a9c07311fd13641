import { describe, expect, test } from 'vitest';
import { costOf } from '../../lib/config/prices.ts';
import { costTable, costWays } from '../../scripts/cost.ts';

/** Dollars per month of each way, in the order of the table. */
function dollars(readers: number, eventsPerHour: number): number[] {
  return costWays.map(
    ({ use }) => costOf(use({ readers, eventsPerHour, regions: 0, eventBytes: 300 })).total,
  );
}

describe('npm run cost', () => {
  test('prints a row for each way', () => {
    const lines = costTable({ readers: 10, eventsPerHour: 60, regions: 1, eventBytes: 300 }).split('\n');
    expect(lines).toHaveLength(2 + costWays.length);
    expect(lines[2]).toMatch(/^\| Steadfeed, streams and rest .*\| \$16\.\d\d \|$/);
  });

  test('shows that one idle tab costs less than 2 dollars a month, where streaming takes 15', () => {
    const [rest = 0, , stream = 0] = dollars(1, 0);
    expect(rest).toBeLessThan(2);
    expect(stream).toBeGreaterThan(15);
  });

  test.each([1, 2, 3, 10, 36, 37, 1_000])(
    'shows no feed of %i readers that is dearer by default than the better of streams and polls by more than a tenth',
    (readers) => {
      for (const eventsPerHour of [0, 1, 5, 20, 36, 38, 45, 55, 59, 120, 360]) {
        const [rest = Number.NaN, , stream = 0, poll = 0] = dollars(readers, eventsPerHour);
        expect(rest / Math.min(stream, poll), `${eventsPerHour} events`).toBeLessThan(1.1);
      }
    },
  );

  test('shows what it costs to stream as long as events come: twice as much for one reader, nothing for three', () => {
    const [rest = Number.NaN, always = 0, stream = 0] = dollars(1, 360);
    expect(always / rest).toBeGreaterThan(2);
    expect(always).toBeCloseTo(stream, 1);
    const [three = Number.NaN, threeAlways = 0] = dollars(3, 360);
    expect(three).toBeCloseTo(threeAlways);
  });
});
