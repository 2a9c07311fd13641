import { describe, expect, test } from 'vitest';
import { hoursPerMonth, prices } from '../../../lib/config/prices.ts';
import { monthCostOf } from '../../../lib/server/status/month-cost.ts';

describe('what a month costs at this rate', () => {
  test('on the platform is memory, processor, requests, bytes and commands, by the published prices', () => {
    const platform = { memoryGB: 2, cpuShare: 0.1, requestsPerHour: 100, bytesPerHour: 1e9 };
    const cost = monthCostOf({ platform, commandsPerHour: 1_000 });

    const requests = prices.dollarsPerMillionInvocations.value + prices.dollarsPerMillionRequests.value;
    const expected = [
      2 * hoursPerMonth * prices.memoryDollarsPerHour.value,
      0.1 * hoursPerMonth * prices.cpuDollarsPerHour.value,
      ((100 * hoursPerMonth) / 1e6) * requests,
      hoursPerMonth * (prices.toReadersDollarsPerGB.value + prices.fromProcessesDollarsPerGB.value),
      ((1_000 * hoursPerMonth) / 100_000) * prices.redisDollarsPer100kCommands.value,
    ];
    expect(cost.lines.map(({ amount }) => amount)).toEqual([
      '1,460 GB-hours',
      '73 hours',
      '73,000 requests',
      '730 GB',
      '730,000 commands',
    ]);
    for (const [index, { dollars }] of cost.lines.entries())
      expect(dollars).toBeCloseTo(expected[index] ?? 0);
    expect(cost.dollars).toBeCloseTo(expected.reduce((sum, each) => sum + each));
    expect(cost.prices).toContain(prices.memoryDollarsPerHour.source);
    expect(cost.prices).toContain(prices.redisDollarsPer100kCommands.source);
  });

  test('is nothing while nothing is used', () => {
    const platform = { memoryGB: 0, cpuShare: 0, requestsPerHour: 0, bytesPerHour: 0 };
    expect(monthCostOf({ platform, commandsPerHour: 0 }).dollars).toBe(0);
  });

  test('on a machine of one’s own is only what Redis bills, and with a file it is nothing', () => {
    expect(monthCostOf({ platform: null, commandsPerHour: 60 }).lines).toMatchObject([
      { what: 'Commands to Redis' },
    ]);
    expect(monthCostOf({ platform: null, commandsPerHour: null })).toEqual({
      lines: [],
      dollars: 0,
      prices: '',
    });
  });
});
