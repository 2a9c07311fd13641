import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
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

/** What the process of the REST endpoint can be told. Each is answered with the counts as they are then. */
export type RedisOrder =
  | { readonly kind: 'count' }
  /** Counts from 0 again. */
  | { readonly kind: 'reset' }
  /**
   * From now on every way between the servers and Redis takes 2 to 6 ms, drawn by a seed: a call takes one ahead of being
   * executed and one ahead of its answer, a round trip of 8 ± 4 ms; an announcement takes one. The announcements of a
   * subscription stay in order.
   */
  | { readonly kind: 'slow'; readonly seed: number };

/** As the service bills; counted by the endpoint. What a script does within Redis is one command. */
export type RedisCounts = {
  readonly commands: number;
  /** HTTP requests. */
  readonly requests: number;
};

/** What the endpoint says first. */
export type RedisAddress = { readonly url: string; readonly token: string };
