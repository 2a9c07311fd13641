import { startLocalUpstash } from '../../../scripts/local-upstash/local-upstash.ts';
import { seededRandom } from '../../support/seeded.ts';
import type { RedisAddress, RedisCounts, RedisOrder } from './redis-stand.ts';
import { obeyOrders } from './worker.ts';

/* The local REST endpoint, in a process of its own, so that no figure includes its work. */

const upstash = await startLocalUpstash({ redisPort: Number(process.argv[2]), token: 'bench' });

obeyOrders<RedisOrder, RedisAddress & RedisCounts>(async (order) => {
  if (order.kind === 'reset') upstash.resetCounts();
  if (order.kind === 'slow') {
    upstash.faults.random = seededRandom(order.seed);
    upstash.faults.wayMs = { least: 2, most: 6 };
  }
  const { url, token, counts } = upstash;
  return { url, token, commands: counts.commands, requests: counts.requests };
});
