import { describe, expect, test } from 'vitest';
import { breaksOf, readersForBudget } from './breaks.ts';
import { costOf } from './cost.ts';
import { givenValues } from './scale-options.ts';
import { channelsFollowed, type Scenario } from './scenario.ts';
import type { Way } from './way.ts';
import { peer, plainPolls, sharedPolls, streams, ways } from './ways.ts';

const busy: Scenario = { readers: 1_000, channels: 1, eventRate: 1 };
const idle: Scenario = { ...busy, eventRate: 0 };

function commandsPerHour(way: Way, scenario: Scenario): number {
  return way.load(givenValues, scenario).redisCommandsPerSecond * 3_600;
}

function dollars(way: Way, scenario: Scenario): number {
  const { platform, redis } = costOf(givenValues, way.load(givenValues, scenario));
  return platform + redis;
}

describe('Redis commands', () => {
  test('do not grow with the readers in one process', () => {
    expect(commandsPerHour(streams, { ...busy, readers: 800 })).toBe(
      commandsPerHour(streams, { ...busy, readers: 1 }),
    );
    expect(commandsPerHour(streams, { ...idle, readers: 800 })).toBe(
      commandsPerHour(streams, { ...idle, readers: 1 }),
    );
  });

  test('grow by one process’s checks and renewals for every 800 readers', () => {
    const more =
      commandsPerHour(streams, { ...idle, readers: 1_600 }) -
      commandsPerHour(streams, { ...idle, readers: 800 });
    expect(more).toBeCloseTo(67 + 1);
  });

  test('of polls every second grow with readers: 3,600 per hour each', () => {
    expect(commandsPerHour(plainPolls, { ...idle, readers: 700 })).toBeCloseTo(700 * 3_600);
  });

  test('of the peer grow with readers: 84 per hour each at rest, and two for each event', () => {
    expect(commandsPerHour(peer, { ...idle, readers: 700 })).toBeCloseTo(700 * 84);
    expect(commandsPerHour(peer, busy) - commandsPerHour(peer, idle)).toBeCloseTo(2 * 3_600);
  });

  test('of shared polls stop growing at one per second, channel and region', () => {
    expect(commandsPerHour(sharedPolls, { ...idle, readers: 4 })).toBeCloseTo((4 / 2) * 3_600);
    for (const readers of [8, 1_000, 1_000_000]) {
      expect(commandsPerHour(sharedPolls, { ...idle, readers })).toBeCloseTo(4 * 3_600);
    }
  });

  test('on many channels grow with readers, less than half as fast as the peer’s', () => {
    const spread = { ...idle, channels: 10_000 };
    const each = commandsPerHour(streams, { ...spread, readers: 100_000 }) / 100_000;
    expect(each).toBeGreaterThan(20);
    expect(each).toBeLessThan(84 / 2);
  });
});

describe('a process', () => {
  const perProcess = (channels: number, set = {}) =>
    streams.perProcess?.({ ...givenValues, ...set }, { ...busy, channels });

  test('holds 800 readers of one channel, because of its setting', () => {
    expect(perProcess(1)).toEqual({ readers: 800, limit: 'STREAM_MAX_CONNECTIONS' });
  });

  test('holds fewer readers of many channels, because of their subscriptions', () => {
    const { readers = 0, limit } = perProcess(10_000) ?? {};
    expect(limit).toBe('streams + subscriptions');
    expect(readers + channelsFollowed(10_000, readers)).toBeLessThanOrEqual(900);
    expect(readers + 1 + channelsFollowed(10_000, readers + 1)).toBeGreaterThan(900);
  });

  test('has memory for more than ten times as many', () => {
    const open = { streamsPerProcess: 1e6, openPerProcess: 1e6, cpusPerProcess: 1e6 };
    const { readers = 0, limit } = perProcess(1, open) ?? {};
    expect(limit).toBe('memory');
    expect(readers).toBeGreaterThan(8_000);
  });

  test('is limited by its processor if a channel is busy enough', () => {
    expect(streams.perProcess?.(givenValues, { ...busy, eventRate: 100 })).toEqual({
      readers: 158,
      limit: 'processor',
    });
  });
});

describe('what breaks first', () => {
  const first = (way: Way, channels: number) =>
    breaksOf(way, givenValues, { ...busy, channels, eventRate: 1 / channels })[0];

  test('is the platform’s limit of open requests, for streams of one channel', () => {
    expect(first(streams, 1)).toEqual({ limit: 'open requests', readers: 30_000 });
  });

  test('is Redis’s connections, for streams of many channels', () => {
    expect(first(streams, 10_000)?.limit).toBe('Redis connections');
  });

  test('is Redis’s connections, for the peer, then its bandwidth: pings grow with the square of the readers', () => {
    const sent = (readers: number) => peer.load(givenValues, { ...idle, readers }).redisBytesPerSecond;
    const [connections, bandwidth] = breaksOf(peer, givenValues, busy).map(({ limit }) => limit);
    expect([connections, bandwidth]).toEqual(['Redis connections', 'Redis bandwidth']);
    expect(sent(2_000)).toBeCloseTo(4 * sent(1_000));
  });

  test('is Redis’s commands per second, for polls every second', () => {
    expect(first(plainPolls, 1)?.limit).toBe('Redis commands a second');
  });

  test('is nothing but the budget, for shared polls of one channel', () => {
    expect(first(sharedPolls, 1)).toBeUndefined();
    expect(readersForBudget(sharedPolls, givenValues, busy)).toBeLessThan(10_000);
  });
});

describe('a month', () => {
  test.each(ways)('the budget pays for this number of readers, and not for one more: $name', (way) => {
    const scenario = { ...busy, channels: 10_000, eventRate: 1 / 60 };
    const paid = readersForBudget(way, givenValues, scenario);
    expect(dollars(way, { ...scenario, readers: paid })).toBeLessThanOrEqual(givenValues.budgetDollars);
    expect(dollars(way, { ...scenario, readers: paid + 1 })).toBeGreaterThan(givenValues.budgetDollars);
  });

  test('of streams costs less than of any other way, for a thousand readers and more', () => {
    for (const channels of [1, 10_000]) {
      for (const readers of [1_000, 100_000, 1_000_000]) {
        const scenario = { readers, channels, eventRate: 1 / channels };
        const others = ways.filter((way) => way !== streams).map((way) => dollars(way, scenario));
        expect(dollars(streams, scenario), JSON.stringify(scenario)).toBeLessThan(Math.min(...others));
      }
    }
  });

  test('of one awake process without traffic is its memory, at the published price', () => {
    const load = { ...streams.load(givenValues, { ...idle, readers: 1 }) };
    const none = {
      invocationsPerSecond: 0,
      cdnRequestsPerSecond: 0,
      cpus: 0,
      bytesToReadersPerSecond: 0,
      bytesFromProcessesPerSecond: 0,
    };
    expect(costOf(givenValues, { ...load, ...none }).platform).toBeCloseTo(2 * 730 * 0.0106);
  });
});
