import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import { startWorker } from './worker.ts';

/** A Redis for one run, in memory only, and its REST endpoint. Ends with the scope that holds it by `await using`. */
export type RedisStand = AsyncDisposable & {
  readonly redisPort: number;
  readonly address: RedisAddress;
  /** The environment variables of a server on this Redis. */
  readonly env: Readonly<Record<string, string>>;
  tell(order: RedisOrder): Promise<RedisCounts>;
};

/** @throws Error with the package to install, if redis-server is missing. */
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

/** The orders of the REST endpoint's process. It answers each one with its counts. */
export type RedisOrder =
  | { readonly kind: 'count' }
  /** Sets the counts to 0. */
  | { readonly kind: 'reset' }
  /**
   * Delays everything between the servers and Redis by 2 to 6 ms, drawn from a seed. A call is delayed once before Redis
   * executes it and once before its answer: a round trip of 8 ± 4 ms. An announcement is delayed once. The announcements of
   * one subscription stay in order.
   */
  | { readonly kind: 'slow'; readonly seed: number };

/** The counts of the endpoint, as the service bills: a script is one command. */
export type RedisCounts = {
  readonly commands: number;
  /** HTTP requests. */
  readonly requests: number;
};

/** The address of the endpoint. */
export type RedisAddress = { readonly url: string; readonly token: string };
