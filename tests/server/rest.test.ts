import { describe, expect, test } from 'vitest';
import {
  createRest,
  firstRestMs,
  nextRestMs,
  restAdvice,
  restAfterMs,
  restPrices,
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

describe('the advice to a reader at rest', () => {
  const settings = { quietMs: 60_000, restMaxMs: maxMs };
  const hour = 3_600_000;

  test('is a longer pause, up to the longest', () => {
    expect([5_000, 30_000].map((restMs) => restAdvice(restMs, settings, 600_000))).toEqual([8_000, 30_000]);
  });

  test('is to stream in the first 35 s of each hour, so that readers who came one by one are counted', () => {
    const at = (ms: number) => restAdvice(maxMs, settings, 500_000 * hour + ms);
    expect([0, 34_999, 35_000, hour - 1].map(at)).toEqual([null, null, maxMs, maxMs]);
  });

  test('is to stream where the server lets nobody rest', () => {
    expect(restAdvice(maxMs, { quietMs: null, restMaxMs: maxMs }, 600_000)).toBeNull();
  });
});

describe('the readers of a process', () => {
  function makeProcess(quietMs: number | null = 60_000) {
    const clock = createManualClock();
    const held = { others: 0 };
    const inside = new Set<symbol>();
    const rested: number[] = [];
    const rest = createRest({ quietMs, restMaxMs: maxMs }, clock, () => inside.size + held.others);
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
});
