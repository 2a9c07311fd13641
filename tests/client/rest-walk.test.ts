import { expect, test } from 'vitest';
import { walkSeeds } from '../support/client/walk-seeds.ts';
import { seeded } from '../support/seeded.ts';
import { simulatedPlatform } from '../support/server/simulated-platform.ts';

/*
 * A seeded walk over quiet times: readers come and go, processes stop, and events come when nobody expects them. The client,
 * the routes and the rule when to rest are the real ones; the network, the CDN and the clock are simulated.
 */

const latencyMs = 200;

/** How much longer than its pause an event may take: a round trip, the process of the poll, and a look at the clock each second. */
const marginMs = 2 * latencyMs + 20 + 1_000;

async function walk(seed: number) {
  const random = seeded(seed);
  const busySeconds = random.pick([0, 2]);
  const platform = simulatedPlatform({
    env: {
      QUIET_SECONDS: String(random.pick([20, 60])),
      REST_MAX_SECONDS: String(random.pick([10, 30])),
      REST_BUSY_SECONDS: String(busySeconds),
    },
    seed,
    regions: random.pick([1, 3]),
    perProcess: random.pick([2, 800]),
    latencyMs,
  });
  const { clock } = platform;
  let readers: ReturnType<typeof platform.read>[] = [];
  const pauses: number[] = [];
  for (let turn = 0; turn < 25; turn++) {
    if (readers.length < 8 && random.chance(0.6)) readers.push(platform.read(random.below(3)));
    if (readers.length > 1 && random.chance(0.15)) readers.shift()?.close();
    if (random.chance(0.1)) platform.stop(random.below(4));
    await clock.advance(random.pick([1_000, 30_000, 70_000, 200_000, 400_000]) + random.below(30_000));
    readers = readers.filter((reader) => reader.status() !== 'stopped');
    const before = readers.map((reader) => ({
      reader,
      count: reader.arrived.length,
      isSettled: ['streaming', 'resting'].includes(reader.status()),
    }));
    const at = await platform.publish();
    await clock.advance(33_000);
    for (const { reader, count, isSettled } of before) {
      if (!isSettled) continue;
      const where = `seed ${seed}, turn ${turn}`;
      expect(reader.arrived.length, where).toBe(count + 1);
      const { pausedMs = 0, streams, at: arrivedAt = Number.NaN } = reader.arrived[count] ?? {};
      expect(arrivedAt - at, `${where}, after a pause of ${pausedMs} ms`).toBeLessThanOrEqual(
        pausedMs + marginMs,
      );
      if (pausedMs > 0) {
        pauses.push(pausedMs);
        if (busySeconds === 0) expect(streams, where).toBe(1);
      }
    }
  }
  for (const reader of readers) reader.close();
  return pauses;
}

test.each(walkSeeds([11, 13, 15]))(
  'an event after a quiet time is shown within the pause of the polls and one round trip, and opens a stream (seed %i)',
  async (seed) => {
    const pauses = await walk(seed);
    expect(pauses.length).toBeGreaterThan(5);
    expect(Math.max(...pauses)).toBeGreaterThanOrEqual(8_000);
  },
  60_000,
);

test('a reader of a busy feed sees each event at once for ten minutes, then within the 2 s of its polls, and at once again in the next visit', async () => {
  const platform = simulatedPlatform({ latencyMs });
  const { clock } = platform;
  const reader = platform.read(0);
  await clock.advance(5_000);
  /** How late each event of an hour is. */
  async function lateness(minutes: number): Promise<number[]> {
    const first = reader.arrived.length;
    const sent: number[] = [];
    for (let event = 0; event < minutes * 6; event++) {
      sent.push(await platform.publish());
      await clock.advance(10_000);
    }
    expect(reader.arrived).toHaveLength(first + sent.length);
    return sent.map((at, index) => (reader.arrived[first + index]?.at ?? Number.NaN) - at);
  }
  const late = await lateness(60);
  expect(Math.max(...late.slice(0, 60))).toBeLessThanOrEqual(latencyMs);
  expect(Math.max(...late)).toBeLessThanOrEqual(2_000 + marginMs);
  expect(late.slice(-200).filter((ms) => ms > latencyMs).length).toBeGreaterThan(150);
  expect([reader.status(), platform.use().gbHours < 0.8]).toEqual(['resting', true]);

  await clock.advance(3_600_000);
  const next = await lateness(10);
  expect(Math.max(...next.slice(0, 3))).toBeLessThanOrEqual(30_000 + marginMs);
  expect(Math.max(...next.slice(4))).toBeLessThanOrEqual(latencyMs);
  reader.close();
}, 60_000);
