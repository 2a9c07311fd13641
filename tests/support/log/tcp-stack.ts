import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { parseRedisUrl, type RedisAddress } from '../../../lib/core/redis-address.ts';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { createRedisLog, type RedisLogOptions } from '../../../lib/log/redis/redis-log.ts';
import { type RedisServer, startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';

/** A Redis server for one test file that logs reach over TCP, and a connection of the test's own. */
export type TcpStack = {
  readonly server: RedisServer;
  readonly redis: Redis;
  /** Opens a log; it is closed before the next test. */
  open(
    options?: Partial<Pick<RedisLogOptions, 'retention' | 'rules' | 'maxIdleMs' | 'timeoutMs'>> & {
      url?: string;
    },
  ): EventLog;
  /** The connections to the server besides the test's own: `normal` or `pubsub`. */
  connections(type: 'normal' | 'pubsub'): Promise<readonly string[]>;
};

/** The address of a URL that is known to be valid. */
export function addressOf(url: string): RedisAddress {
  const address = parseRedisUrl(url);
  if (address === null) throw new Error(`not a URL of Redis: ${url}`);
  return address;
}

/** Starts one server for a test file. Before each test it is emptied. */
export function useTcpStack(args: readonly string[] = []): () => TcpStack {
  let stack: TcpStack | undefined;
  const logs = new Set<EventLog>();

  beforeAll(async () => {
    const server = await startRedisServer({ args });
    const redis = new Redis({ host: '127.0.0.1', port: server.port, connectionName: 'test' });
    stack = {
      server,
      redis,
      open({ url = server.url, ...options } = {}) {
        const log = createRedisLog({ address: addressOf(url), retention: 10_000, ...options });
        logs.add(log);
        return log;
      },
      async connections(type) {
        const listed = String(await redis.call('CLIENT', 'LIST', 'TYPE', type));
        return listed.split('\n').filter((line) => line.includes('name=steadfeed'));
      },
    };
  });

  beforeEach(async () => {
    for (const log of logs) log.close();
    logs.clear();
    await stack?.redis.flushall();
  });

  afterAll(async () => {
    for (const log of logs) log.close();
    stack?.redis.disconnect();
    await stack?.server.stop();
  });

  return () => {
    if (stack === undefined) throw new Error('Redis has not started');
    return stack;
  };
}
