import { describe, expect, test } from 'vitest';
import { costOf } from '../../../lib/config/prices.ts';
import { costWays } from '../../../scripts/cost.ts';
import { type DayWay, dollarsOfMonth } from './days.ts';

const hours: Readonly<Record<DayWay, number>> = { rest: 2, stream: 0.25, poll: 0.25 };

describe('a month, counted from the real client and the real server', () => {
  test('of one idle tab costs less than 2 dollars with rest, and more than 15 without', async () => {
    const day = { readers: 1, eventsPerHour: 0, hours };
    expect(await dollarsOfMonth(day, 'rest')).toBeLessThan(2);
    expect(await dollarsOfMonth(day, 'stream')).toBeGreaterThan(15);
  });

  test.each([
    { readers: 1, eventsPerHour: 0 },
    { readers: 1, eventsPerHour: 1 },
    { readers: 10, eventsPerHour: 1 },
  ])(
    'costs what npm run cost says, or less where a CDN answers polls: $readers readers, $eventsPerHour events per hour',
    async (feed) => {
      const counted = await dollarsOfMonth({ ...feed, hours }, 'rest');
      const said = costOf(costWays[0].use(feed)).total;
      expect(counted / said).toBeLessThan(1.15);
      expect(counted / said).toBeGreaterThan(feed.readers === 1 ? 0.85 : 0.4);
    },
  );

  test('of fifty quiet readers costs the same with rest as without: so many stream', async () => {
    const day = { readers: 50, eventsPerHour: 0, hours: { rest: 0.1, stream: 0.1, poll: 0.1 } };
    const [rest, stream] = [await dollarsOfMonth(day, 'rest'), await dollarsOfMonth(day, 'stream')];
    expect(rest / stream).toBeLessThan(1.05);
  });
});
