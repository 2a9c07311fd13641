import { describe, expect, test } from 'vitest';
import { costOf } from '../../lib/config/prices.ts';
import { costTable, costWays } from '../../scripts/cost.ts';

/** Dollars per month of each way, in the order of the table. */
function dollars(readers: number, eventsPerHour: number): number[] {
  return costWays.map(({ use }) => costOf(use({ readers, eventsPerHour })).total);
}

describe('npm run cost', () => {
  test('prints a row for each way', () => {
    const lines = costTable({ readers: 10, eventsPerHour: 60 }).split('\n');
    expect(lines).toHaveLength(2 + costWays.length);
    expect(lines[2]).toMatch(/^\| Steadfeed, streams and rest .*\| \$16\.\d\d \|$/);
  });

  test('shows that one idle tab costs less than 2 dollars a month, where streaming takes 15', () => {
    const [rest = 0, stream = 0] = dollars(1, 0);
    expect(rest).toBeLessThan(2);
    expect(stream).toBeGreaterThan(15);
  });

  test.each([1, 2, 3, 5, 10, 20, 36, 37, 100, 1_000])(
    'shows no feed of %i readers that rest makes dearer than streaming by more than a tenth',
    (readers) => {
      for (const eventsPerHour of [
        0, 1, 2, 5, 10, 20, 30, 35, 36, 37, 38, 39, 40, 45, 50, 55, 58, 59, 60, 360,
      ]) {
        const [rest = Number.NaN, stream = 0] = dollars(readers, eventsPerHour);
        expect(rest / stream, `${eventsPerHour} events`).toBeLessThan(1.1);
      }
    },
  );
});
