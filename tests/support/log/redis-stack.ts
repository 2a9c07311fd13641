import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { createRedisLog, type RedisLogOptions } from '../../../lib/log/redis/redis-log.ts';
import { noFaults } from '../../../scripts/local-upstash/faults.ts';
import { type LocalUpstash, startLocalUpstash } from '../../../scripts/local-upstash/local-upstash.ts';
import { type RedisServer, startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';

/** A Redis server for one test file, a REST endpoint in front of it, and a direct connection to the server. */
export type RedisStack = {
  readonly server: RedisServer;
  readonly upstash: LocalUpstash;
  readonly redis: Redis;
  /** Opens a log through the endpoint; it is closed before the next test. */
  open(options?: Partial<Pick<RedisLogOptions, 'retention' | 'rules' | 'maxIdleMs' | 'timeoutMs'>>): EventLog;
};

/** The token of the endpoint; no error may contain it. */
export const secretToken = 'secret-token-of-the-test';

/** Starts one stack for a test file. Before each test it is emptied, and its faults are switched off. */
export function useRedisStack(): () => RedisStack {
  let stack: RedisStack | undefined;
  const logs = new Set<EventLog>();

  beforeAll(async () => {
    const server = await startRedisServer();
    const upstash = await startLocalUpstash({ redisPort: server.port, token: secretToken });
    const redis = new Redis({ host: '127.0.0.1', port: server.port });
    const open: RedisStack['open'] = (options = {}) => {
      const log = createRedisLog({ url: upstash.url, token: secretToken, retention: 10_000, ...options });
      logs.add(log);
      return log;
    };
    stack = { server, upstash, redis, open };
  });

  beforeEach(async () => {
    for (const log of logs) log.close();
    logs.clear();
    Object.assign(stack?.upstash.faults ?? {}, noFaults());
    await stack?.redis.flushall();
    stack?.upstash.resetCounts();
  });

  afterAll(async () => {
    for (const log of logs) log.close();
    stack?.redis.disconnect();
    await stack?.upstash.close();
    await stack?.server.stop();
  });

  return () => {
    if (stack === undefined) throw new Error('the Redis stack has not started');
    return stack;
  };
}
