import { describe, expect, test } from 'vitest';
import { hoursPerMonth, prices } from '../../../lib/config/prices.ts';
import { monthCostOf } from '../../../lib/server/status/month-cost.ts';

describe('what a month costs at this rate', () => {
  test('on the platform is memory, processor and commands, by the published prices', () => {
    const cost = monthCostOf({ billedGB: 2, isAwake: true, cpuShare: 0.1, commandsPerHour: 1_000 });

    const expected = [
      2 * hoursPerMonth * prices.memoryDollarsPerHour.value,
      0.1 * hoursPerMonth * prices.cpuDollarsPerHour.value,
      ((1_000 * hoursPerMonth) / 100_000) * prices.redisDollarsPer100kCommands.value,
    ];
    expect(cost.lines.map(({ amount }) => amount)).toEqual([
      '1,460 GB-hours',
      '73 hours',
      '730,000 commands',
    ]);
    for (const [index, { dollars }] of cost.lines.entries())
      expect(dollars).toBeCloseTo(expected[index] ?? 0);
    expect(cost.dollars).toBeCloseTo(expected.reduce((sum, each) => sum + each));
    expect(cost.prices).toContain(prices.memoryDollarsPerHour.source);
    expect(cost.prices).toContain(prices.redisDollarsPer100kCommands.source);
  });

  test('has no memory while no request is open', () => {
    const { lines } = monthCostOf({ billedGB: 2, isAwake: false, cpuShare: 0, commandsPerHour: 0 });
    expect(lines.map(({ dollars }) => dollars)).toEqual([0, 0, 0]);
  });

  test('on a machine of one’s own is only what Redis bills, and with a file it is nothing', () => {
    const own = { billedGB: null, isAwake: true, cpuShare: 0.5 };
    expect(monthCostOf({ ...own, commandsPerHour: 60 }).lines).toMatchObject([{ what: 'Commands to Redis' }]);
    expect(monthCostOf({ ...own, commandsPerHour: null })).toEqual({ lines: [], dollars: 0, prices: '' });
  });
});
