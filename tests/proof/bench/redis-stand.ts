import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import type { RedisAddress, RedisCounts, RedisOrder } from './redis-orders.ts';
import { startWorker } from './worker.ts';

/** A Redis of a run's own, which keeps nothing, and its REST endpoint. Ends with the scope that holds it by `await using`. */
export type RedisStand = AsyncDisposable & {
  readonly redisPort: number;
  readonly address: RedisAddress;
  /** Settings of a server on this Redis. */
  readonly env: Readonly<Record<string, string>>;
  tell(order: RedisOrder): Promise<RedisCounts>;
};

/** @throws Error that names the package where redis-server is not installed. */
export async function startRedisStand(): Promise<RedisStand> {
  const redis = await startRedisServer();
  const endpoint = startWorker<RedisOrder, RedisAddress & RedisCounts>(
    'redis-endpoint.ts',
    'the REST endpoint',
    [String(redis.port)],
  );
  const { url, token } = await endpoint.tell({ kind: 'count' });
  return {
    redisPort: redis.port,
    address: { url, token },
    env: { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token },
    tell: endpoint.tell,
    async [Symbol.asyncDispose]() {
      endpoint[Symbol.dispose]();
      await redis.stop();
    },
  };
}
