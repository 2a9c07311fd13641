import { describe, expect, test } from 'vitest';
import { restPrices, streamExtra } from '../../lib/server/rest.ts';
import { type RestCase, simulateRest, streamLifeMs } from '../../scripts/cost/simulate-rest.ts';
import { walkSeeds } from '../support/client/walk-seeds.ts';
import { type Seeded, seeded } from '../support/seeded.ts';

/*
 * What readers pay with the rule of rest, beside streams alone and polls alone, whatever events come. The rule is the server's
 * own; the readers and the clock are simulated.
 */

const settings = { quietMs: 60_000, restMaxMs: 30_000, restBusyMs: 2_000 };
const day = 86_400_000;

/** Dollars of the three ways, for the same readers and events. */
function dollarsOf(walk: RestCase) {
  const { awakeSecond, poll, open, publish } = restPrices;
  const { readers, eventsAt, durationMs } = walk;
  const published = eventsAt.length * publish;
  const use = simulateRest(walk);
  const seconds = durationMs / 1_000;
  return {
    ...use,
    rest: published + (use.awakeMs / 1_000) * awakeSecond + use.polls * poll + use.streams * open,
    streams: published + seconds * awakeSecond + (readers * durationMs * open) / streamLifeMs,
    polls: published + (readers * seconds * poll) / ((walk.settings.restBusyMs ?? 2_000) / 1_000),
  };
}

/** The most that one budget for streams may add, in dollars: ten minutes of one reader's stream. */
const budgetOf = (busyMs: number) => 600 * streamExtra(1, busyMs);
const budgetDollars = budgetOf(settings.restBusyMs);

/** Events as feeds have them: bursts, steady ones at any pace, and silence, for so long. */
function eventTimes(random: Seeded, durationMs: number): number[] {
  const times: number[] = [];
  for (let at = 0; at < durationMs; ) {
    const pauseMs = random.pick([
      500, 2_000, 10_000, 30_000, 59_000, 61_000, 75_000, 95_000, 130_000, 600_000,
    ]);
    const until = Math.min(durationMs, at + random.pick([60_000, 600_000, 3_600_000, 10_800_000]));
    const jitter = random.pick([0, 0.2, 1]);
    if (random.chance(0.3)) at = until;
    while (at < until) {
      at += pauseMs * (1 + jitter * (random.next() - 0.5));
      if (at < until) times.push(at);
    }
  }
  return times;
}

const paces = [1, 2, 5, 10, 20, 45, 59, 61, 65, 75, 90, 110, 130, 150, 200, 300, 600, 3_600];

describe('readers that rest', () => {
  test.each([1, 2, 3, 4, 6, 10, 20, 36])(
    '%i of them pay at most a tenth more than the better of streams and polls, at any pace of events',
    (readers) => {
      const durationMs = day / 4;
      for (const pace of paces) {
        const eventsAt = Array.from(
          { length: durationMs / 1_000 / pace },
          (_, index) => (index + 0.5) * pace * 1_000,
        );
        const { rest, streams, polls } = dollarsOf({ readers, eventsAt, durationMs, settings });
        expect(rest - budgetDollars, `an event each ${pace} s`).toBeLessThan(1.1 * Math.min(streams, polls));
      }
    },
  );

  test.each(walkSeeds([1, 2, 3, 4, 5, 6, 31262025, 31262245]))(
    'pay at most a tenth more than the better of streams and polls, whatever comes (seed %i)',
    (seed) => {
      const random = seeded(seed);
      for (const readers of [1, 2, 3, random.whole(4, 40)]) {
        const durationMs = random.pick([day / 8, day / 4]);
        const eventsAt = eventTimes(random, durationMs);
        const restBusyMs = random.pick([1_000, 2_000, 5_000]);
        const walk = { readers, eventsAt, durationMs, settings: { ...settings, restBusyMs } };
        const { rest, streams, polls } = dollarsOf(walk);
        const most = 1.1 * Math.min(streams, polls) + budgetOf(restBusyMs);
        expect(rest, `${readers} readers, polls each ${restBusyMs} ms`).toBeLessThan(most);
      }
    },
  );

  test.each([3, 10, 40, 200])(
    'stream soon when they have become %i, one by one, while events come',
    (readers) => {
      const eventsAt = Array.from({ length: 1_440 }, (_, index) => 5_000 + index * 10_000);
      const walk = { readers, eventsAt, durationMs: day / 6, arrivalMs: day / 24, settings };
      const { rest, streams, awakeMs } = dollarsOf(walk);
      expect(rest - budgetDollars).toBeLessThan(1.1 * streams);
      expect(awakeMs / (day / 6)).toBeGreaterThan(0.8);
    },
  );

  test('see each event within 2 s while events come, and within 30 s after a quiet time', () => {
    for (const pace of [1, 10, 59]) {
      const eventsAt = Array.from({ length: day / 1_000 / pace }, (_, index) => (index + 0.5) * pace * 1_000);
      const { lateMs } = dollarsOf({ readers: 1, eventsAt, durationMs: day, settings });
      expect(lateMs.length).toBeGreaterThan(eventsAt.length - 60);
      expect(Math.max(...lateMs)).toBeLessThanOrEqual(2_000);
    }
    const { lateMs } = dollarsOf({ readers: 1, eventsAt: [day / 2], durationMs: day, settings });
    expect(lateMs).toHaveLength(1);
    expect(lateMs[0]).toBeLessThanOrEqual(30_000);
  });

  test('see each event of a visit at once: ten minutes, or an hour after a quiet one', () => {
    const visit = Array.from({ length: 60 }, (_, index) => 5_000 + index * 10_000);
    const { lateMs } = dollarsOf({ readers: 1, eventsAt: visit, durationMs: 600_000, settings });
    expect(lateMs).toEqual(visit.map(() => 0));
    const two = [...visit, ...visit.map((at) => at + 3_600_000)];
    const late = dollarsOf({ readers: 1, eventsAt: two, durationMs: 4_200_000, settings }).lateMs;
    // One poll brought what came in the first 30 s of the second visit; the stream that it opened brought all others.
    expect(late).toHaveLength(two.length);
    expect(late.slice(visit.length + 3).filter((ms) => ms > 0)).toEqual([]);
    expect(Math.max(...late)).toBeLessThanOrEqual(30_000);
  });

  test('stream as long as events come where the server wants that', () => {
    const eventsAt = Array.from({ length: 8_640 }, (_, index) => 5_000 + index * 10_000);
    const always = { ...settings, restBusyMs: null };
    const { lateMs, polls } = simulateRest({ readers: 1, eventsAt, durationMs: day, settings: always });
    expect([Math.max(...lateMs), polls]).toEqual([0, 0]);
  });
});
