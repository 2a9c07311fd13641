import { type LocalUpstash, startLocalUpstash } from '../../../../scripts/local-upstash/local-upstash.ts';
import { seeded } from '../../../support/seeded.ts';
import { makeTemporaryFolder } from '../../../support/temporary-folder.ts';
import type { Truth } from '../oracle/truth.ts';
import { type Fleet, startFleet } from './fleet.ts';
import { type LaggingReplica, startLaggingReplica } from './lagging-replica.ts';
import { type RedisHost, startRedisHost } from './redis-host.ts';

/** The app and everything it needs. */
export type AppStand = {
  readonly redis: RedisHost;
  readonly replica: LaggingReplica;
  readonly upstash: LocalUpstash;
  readonly fleet: Fleet;
};

/** Number of app processes. A load balancer needs two; each further one takes a core. */
const processes = 2;

export type AppStandOptions = {
  readonly seed: number;
  /** The token of the REST API and of publishers. */
  readonly token: string;
  readonly channels: readonly string[];
  readonly truth: Truth;
  readonly isOverTcp?: boolean;
  /** The folder of the build; null: this project. */
  readonly app: string | null;
};

/**
 * Starts Redis, its REST API and the app's processes.
 * @param stack ends everything that was started.
 */
export async function startAppStand(
  stack: AsyncDisposableStack,
  { seed, token, channels, truth, app, isOverTcp = false }: AppStandOptions,
): Promise<AppStand> {
  const folder = stack.use(makeTemporaryFolder()).path;
  const redis = stack.use(await startRedisHost(folder, channels, truth));
  const replica = stack.use(await startLaggingReplica(redis.port, folder));
  const upstash = await startLocalUpstash({ redisPort: redis.port, token });
  stack.defer(() => upstash.close());
  upstash.faults.random = seeded(seed + 1).next;
  const env = {
    ...(isOverTcp
      ? { REDIS_URL: `redis://127.0.0.1:${redis.port}` }
      : { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: token }),
    PUBLISH_TOKEN: token,
    // Only a fault may delete events, because the oracle must know about it.
    FEED_RETENTION: '1000000',
  };
  const fleet = stack.use(await startFleet({ size: processes, app, env, folder, draw: seeded(seed + 2) }));
  return { redis, replica, upstash, fleet };
}
