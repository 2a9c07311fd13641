import { describe, expect, test } from 'vitest';
import {
  canStream,
  createRest,
  earnEvents,
  earnPoll,
  firstRestMs,
  fullBudget,
  nextRestMs,
  restAfterMs,
  restPrices,
  spend,
  streamExtra,
} from '../../lib/server/rest.ts';
import { range } from '../support/log/log-steps.ts';
import { createManualClock } from '../support/server/manual-clock.ts';

const maxMs = 30_000;

/** One quiet time: `readers` stream for `streamMs`, then rest; poll number `polls` brings the event, and they stream again. */
function quietTime(readers: number, streamMs: number, polls: number) {
  const { awakeSecond, poll, open } = restPrices;
  let ms = streamMs;
  let restMs = firstRestMs;
  for (let sent = 0; sent < polls; sent++) {
    ms += restMs;
    restMs = nextRestMs(restMs, maxMs);
  }
  return {
    ms,
    dollars: (streamMs / 1_000) * awakeSecond + readers * (polls * poll + open),
    dollarsOfStreaming: (ms / 1_000) * awakeSecond,
  };
}

describe('the rule when resting is cheaper', () => {
  test('lets one reader rest as soon as it may, ten readers later, and a hundred never', () => {
    expect(restAfterMs(1, maxMs)).toBe(0);
    expect(restAfterMs(10, maxMs)).toBeGreaterThan(60_000);
    expect(restAfterMs(10, maxMs)).toBeLessThan(120_000);
    expect(restAfterMs(100, maxMs)).toBe(Number.POSITIVE_INFINITY);
  });

  test('waits longer for each reader more', () => {
    const waits = range(1, 60).map((readers) => restAfterMs(readers, maxMs));
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  });

  test.each(range(1, 36))(
    'makes no quiet time of %i readers dearer than streaming by more than a tenth, whenever the event comes',
    (readers) => {
      const streamMs = Math.max(60_000, restAfterMs(readers, maxMs));
      for (const polls of range(1, 300)) {
        const { dollars, dollarsOfStreaming } = quietTime(readers, streamMs, polls);
        expect(dollars / dollarsOfStreaming).toBeLessThan(1.1);
      }
    },
  );

  test('lets a reader rest for a long time at a twentieth of the price of a stream', () => {
    const { dollars, dollarsOfStreaming } = quietTime(1, 60_000, 1_000);
    expect(dollars).toBeLessThan(dollarsOfStreaming / 20);
  });

  test('has pauses that grow from 5 to 30 s', () => {
    const pauses = [firstRestMs];
    while (pauses.length < 7) pauses.push(nextRestMs(pauses.at(-1) ?? 0, maxMs));
    expect(pauses).toEqual([5_000, 8_000, 12_000, 18_000, 27_000, 30_000, 30_000]);
  });
});

describe('the budget for streams', () => {
  const busyMs = 2_000;
  const full = fullBudget(busyMs, 0);
  const minutes = (count: number) => count * 60_000;

  test('has nothing to pay for three readers and more: their stream costs less than polls each 2 s', () => {
    expect([1, 2].map((readers) => streamExtra(readers, busyMs) > 0)).toEqual([true, true]);
    expect([3, 4, 100].map((readers) => streamExtra(readers, busyMs) > 0)).toEqual([false, false, false]);
    expect(spend(full, 3, busyMs, minutes(60)).dollars).toBe(full.dollars);
  });

  test('lets one reader stream for ten minutes, and two for more than half an hour', () => {
    expect(spend(full, 1, busyMs, minutes(9)).dollars).toBeGreaterThan(0);
    expect(spend(full, 1, busyMs, minutes(11)).dollars).toBeLessThan(0);
    expect(spend(full, 2, busyMs, minutes(30)).dollars).toBeGreaterThan(0);
    expect(spend(full, 2, busyMs, minutes(40)).dollars).toBeLessThan(0);
  });

  test('earns nothing by polls at the pace of a busy time, and all of itself by 25 polls that are 30 s apart', () => {
    const used = spend(full, 1, busyMs, minutes(10));
    const busy = range(1, 1_000).reduce((budget) => earnPoll(budget, busyMs, busyMs), used);
    expect(busy.dollars).toBe(used.dollars);
    const quiet = (polls: number) =>
      range(1, polls).reduce((budget) => earnPoll(budget, maxMs, busyMs), used).dollars / full.dollars;
    expect([quiet(12) < 0.5, quiet(16) > 0.5, quiet(25) > 0.8, quiet(1_000)]).toEqual([true, true, true, 1]);
  });

  test('is as large after any time as one full budget, above nothing or below', () => {
    const deep = spend(full, 1, busyMs, minutes(100_000));
    expect([deep.dollars, earnEvents(deep, 1e9, busyMs).dollars]).toEqual([-full.dollars, full.dollars]);
  });

  test('is spent no more where seven events a second come: publishing them costs ten times as much', () => {
    const used = spend(full, 1, busyMs, minutes(8));
    const afterSecond = (events: number) =>
      earnEvents(spend(used, 1, busyMs, used.at + 1_000), events, busyMs).dollars;
    expect([afterSecond(6) < used.dollars, afterSecond(8) > used.dollars]).toEqual([true, true]);
  });

  test('lets a reader that has found an event stream when half of it is there, or when streams are cheaper', () => {
    const used = spend(full, 1, busyMs, minutes(10));
    const told = [canStream(full, 1, busyMs), canStream(used, 2, busyMs), canStream(used, 3, busyMs)];
    expect(told).toEqual([true, false, true]);
  });

  test('counts the readers that poll in a busy time, within a minute; in silence it counts none', () => {
    const crowd = (readers: number, restMs: number) =>
      range(1, 30).reduce(
        (budget) =>
          range(1, readers).reduce(
            (each) => earnPoll(each, restMs, busyMs),
            spend(budget, 0, busyMs, budget.at + restMs),
          ),
        full,
      ).polling;
    expect(crowd(2, busyMs)).toBeLessThan(2.1);
    expect(crowd(4, busyMs)).toBeGreaterThan(2.4);
    expect(crowd(40, maxMs)).toBe(0);
  });
});

describe('the advice to a reader at rest', () => {
  const settings = { quietMs: 60_000, restMaxMs: maxMs, restBusyMs: 2_000 };

  /** A process in which nothing has happened since it started, ten minutes after an hour has begun. */
  async function makeQuiet(more: Partial<Record<keyof typeof settings, number | null>> = {}) {
    const clock = createManualClock();
    await clock.advance(3_600_000 - (clock.now() % 3_600_000) + 600_000);
    return { clock, rest: createRest({ ...settings, ...more } as typeof settings, clock, () => 0) };
  }

  test('is a longer pause, up to the longest', async () => {
    const { rest } = await makeQuiet();
    expect([5_000, 30_000].map((restMs) => rest.polled(restMs, 0))).toEqual([8_000, 30_000]);
  });

  test('is to stream in the first 35 s of each hour, so that readers who came one by one are counted', async () => {
    const { clock, rest } = await makeQuiet();
    await clock.advance(3_000_000);
    const told = [];
    for (const ms of [0, 34_999, 1, 3_600_000 - 35_001]) {
      await clock.advance(ms);
      told.push(rest.polled(maxMs, 0));
    }
    expect(told).toEqual([null, null, maxMs, maxMs]);
  });

  test('is to stream when an event has come, where the budget for streams is there', async () => {
    const { rest } = await makeQuiet();
    expect(rest.polled(maxMs, 1)).toBeNull();
  });

  test('is the pace of a busy time after an event, where that is used up, until nothing happens for QUIET_SECONDS', async () => {
    const { clock, rest } = await makeQuiet();
    const leave = rest.join({ quietMs: 0, isSure: () => false, rest() {} });
    await clock.advance(1_200_000);
    leave();
    expect(rest.polled(maxMs, 1)).toBe(2_000);
    await clock.advance(59_000);
    expect(rest.polled(2_000, 0)).toBe(2_000);
    await clock.advance(1_000);
    expect([rest.polled(2_000, 0), rest.polled(5_000, 0)]).toEqual([5_000, 8_000]);
  });

  test('is to stream after each event, where readers rest only in a quiet time', async () => {
    const { rest } = await makeQuiet({ restBusyMs: null });
    for (let turn = 0; turn < 100; turn++) expect(rest.polled(5_000, 1)).toBeNull();
    expect(rest.polled(5_000, 0)).toBe(8_000);
  });

  test('is to stream where the server lets nobody rest', async () => {
    const { rest } = await makeQuiet({ quietMs: null });
    expect(rest.polled(maxMs, 0)).toBeNull();
  });
});

describe('the readers of a process', () => {
  function makeProcess(quietMs: number | null = 60_000, restBusyMs: number | null = null) {
    const clock = createManualClock();
    const held = { others: 0 };
    const inside = new Set<symbol>();
    const rested: number[] = [];
    const rest = createRest(
      { quietMs, restMaxMs: maxMs, restBusyMs },
      clock,
      () => inside.size + held.others,
    );
    const log = { fails: false };
    return {
      clock,
      rest,
      held,
      log,
      rested,
      join(quietSeconds: number | null = 0) {
        const id = Symbol('reader');
        inside.add(id);
        const leave = rest.join({
          quietMs: quietSeconds === null ? null : quietSeconds * 1_000,
          isSure: () => !log.fails,
          rest(everyMs) {
            rested.push(everyMs);
            leaveAll();
          },
        });
        const leaveAll = () => {
          inside.delete(id);
          leave();
        };
        return leaveAll;
      },
    };
  }

  test('rest together when nothing has happened for QUIET_SECONDS', async () => {
    const it = makeProcess();
    it.join();
    it.join();
    await it.clock.advance(59_999);
    expect(it.rested).toEqual([]);
    await it.clock.advance(1);
    expect(it.rested).toEqual([5_000, 5_000]);
  });

  test('rest later after an event, and after a reader that has come', async () => {
    const it = makeProcess();
    it.join();
    await it.clock.advance(40_000);
    it.rest.happened();
    await it.clock.advance(40_000);
    it.join();
    await it.clock.advance(59_999);
    expect(it.rested).toEqual([]);
    await it.clock.advance(1);
    expect(it.rested).toHaveLength(2);
  });

  test('bring the silence with them that they have seen in another process', async () => {
    const it = makeProcess();
    it.join(50);
    await it.clock.advance(9_999);
    expect(it.rested).toEqual([]);
    await it.clock.advance(1);
    expect(it.rested).toHaveLength(1);
  });

  test('rest at once when the one has left that made streams cheaper', async () => {
    const it = makeProcess(1_000);
    const leaves = range(1, 40).map(() => it.join());
    await it.clock.advance(7_200_000);
    expect(it.rested).toEqual([]);
    for (const leave of leaves.slice(1)) leave();
    await it.clock.advance(1);
    expect(it.rested).toHaveLength(1);
  });

  test('do not rest while a reader is there that does not know how, nor after it until it has left', async () => {
    const it = makeProcess();
    it.join();
    const leave = it.join(null);
    await it.clock.advance(600_000);
    expect(it.rested).toEqual([]);
    leave();
    await it.clock.advance(1);
    expect(it.rested).toHaveLength(1);
  });

  test('do not rest while a poll waits in the process, nor while the log fails', async () => {
    const it = makeProcess();
    it.join();
    it.held.others = 1;
    await it.clock.advance(120_000);
    it.held.others = 0;
    it.log.fails = true;
    await it.clock.advance(120_000);
    expect(it.rested).toEqual([]);
    it.log.fails = false;
    await it.clock.advance(5_000);
    expect(it.rested).toHaveLength(1);
  });

  test('never rest without QUIET_SECONDS, and no timer runs', async () => {
    const it = makeProcess(null);
    it.join();
    expect(it.clock.pending()).toBe(0);
    await it.clock.advance(3_600_000);
    expect(it.rested).toEqual([]);
  });

  /** An event every 10 s, for so many minutes. */
  async function eventsFor({ clock, rest }: ReturnType<typeof makeProcess>, minutes: number) {
    for (let at = 0; at < minutes * 60; at += 10) {
      await clock.advance(10_000);
      rest.happened();
    }
  }

  test.each([
    [1, 12],
    [2, 40],
  ])(
    'stream in a busy time until their budget is used up, then they poll each 2 s: %i, for at most %i minutes',
    async (readers, minutes) => {
      const it = makeProcess(60_000, 2_000);
      for (const _ of range(1, readers)) it.join();
      await eventsFor(it, minutes - 4);
      expect(it.rested).toEqual([]);
      await eventsFor(it, 4);
      expect(it.rested).toEqual(range(1, readers).map(() => 2_000));
    },
  );

  test('stream in a busy time without end if they are three, or if one of them cannot rest', async () => {
    const three = makeProcess(60_000, 2_000);
    for (const _ of range(1, 3)) three.join();
    await eventsFor(three, 120);
    const mixed = makeProcess(60_000, 2_000);
    mixed.join();
    mixed.join(null);
    await eventsFor(mixed, 120);
    expect([three.rested, mixed.rested]).toEqual([[], []]);
  });

  test('stream for QUIET_SECONDS at least when they come, although the budget is used up', async () => {
    const it = makeProcess(60_000, 2_000);
    it.join();
    await eventsFor(it, 12);
    expect(it.rested).toHaveLength(1);
    it.join();
    await it.clock.advance(59_000);
    it.rest.happened();
    expect(it.rested).toHaveLength(1);
    await it.clock.advance(1_000);
    expect(it.rested).toEqual([2_000, 2_000]);
  });

  test('stream in a busy time without end where the server wants that', async () => {
    const it = makeProcess();
    it.join();
    await eventsFor(it, 120);
    expect(it.rested).toEqual([]);
  });
});
