import { join } from 'node:path';
import { type LocalUpstash, startLocalUpstash } from '../../../scripts/local-upstash/local-upstash.ts';
import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import type { AppEnvironment } from './app-process.ts';
import { secrets } from './secrets.ts';

/** A separate Redis and its REST endpoint. They end with their scope (`await using`). */
export type RedisStand = AsyncDisposable & {
  readonly upstash: LocalUpstash;
  /** The settings of an app that uses this Redis. */
  readonly env: AppEnvironment;
  /** Kills Redis, as in a crash. */
  killRedis(): Promise<void>;
  /** Starts Redis again on the same port, with its old data or empty. */
  startRedis(data: 'kept' | 'empty'): Promise<void>;
};

/** Starts Redis and its endpoint. */
export async function startRedisStand(): Promise<RedisStand> {
  const folder = makeTemporaryFolder();
  const dir = join(folder.path, 'kept');
  let redis = await startRedisServer({ dir });
  const { port } = redis;
  const upstash = await startLocalUpstash({ redisPort: port, token: secrets.redisToken });
  return {
    upstash,
    env: { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token },
    killRedis: () => redis.kill(),
    async startRedis(data) {
      redis = await startRedisServer(
        data === 'kept' ? { port, dir } : { port, dir: join(folder.path, 'empty') },
      );
    },
    async [Symbol.asyncDispose]() {
      await upstash.close();
      await redis.kill();
      folder[Symbol.dispose]();
    },
  };
}
