import { measureWay } from '../redis-way.ts';
import { loadOf, type Stand, withRedis, withStand } from '../stand.ts';
import type { Case, Measured, Size } from './case.ts';

/** The latency of an event if Redis is far away; `RedisOrder` says what is delayed. */
export const redisLatencyCases: readonly Case[] = [
  {
    name: 'latency-redis',
    what: '50 readers, ten events a second, a round trip to Redis of 8 ± 4 ms',
    contestants: ['steadfeedRedis', 'upstashRealtime', 'polling', 'bareNode'],
    figures: [
      {
        name: 'latency p50',
        unit: 'ms',
        goals: [
          { to: [{ own: 'round trip' }, { own: 'announcement' }, 'bareNode'], atMost: 1.15 },
          { to: ['upstashRealtime'], atMost: 0.5 },
        ],
      },
      { name: 'latency p99', unit: 'ms', goals: [{ to: ['upstashRealtime'], atMost: 0.8 }] },
      { name: 'round trip', unit: 'ms', goals: [] },
      { name: 'announcement', unit: 'ms', goals: [] },
    ],
    run: (contestant, size) =>
      contestant.isOnRedis === undefined
        ? withStand(contestant, size, (stand) => measureLatency(stand, size))
        : withRedis(contestant, size, async (stand, redis) => {
            await redis.tell({ kind: 'slow', seed: 1 });
            const way = await measureWay(redis, size === 'full' ? 100 : 5);
            const { figures, clientLoad } = await measureLatency(stand, size);
            const { roundTripMs, announcementMs } = way;
            return {
              figures: { ...figures, 'round trip': roundTripMs, announcement: announcementMs },
              clientLoad,
            };
          }),
  },
];

async function measureLatency({ open, publish }: Stand, size: Size): Promise<Measured> {
  await open(size === 'full' ? 50 : 5);
  const result = await publish({ events: size === 'full' ? 100 : 5, everyMs: 100 });
  const { p50Ms, p99Ms } = result;
  return {
    figures: { 'latency p50': p50Ms ?? Number.NaN, 'latency p99': p99Ms ?? Number.NaN },
    clientLoad: loadOf(result),
  };
}
