import type { BenchServer } from './bench-server.ts';
import type { Measured, Size } from './cases/case.ts';
import type { Contestant } from './contestants.ts';
import type { Inlet, LoadOrder, LoadResult, OpenOrder, PublishOrder, Target } from './load/load-orders.ts';
import { type RedisStand, startRedisStand } from './redis-stand.ts';
import { startWorker, type Worker } from './worker.ts';

/** A running contestant with a load client. */
export type Stand = {
  readonly server: BenchServer;
  readonly target: Target;
  tell(order: LoadOrder): Promise<LoadResult>;
  /** Opens this many streams. */
  open(count: number, order?: Partial<OpenOrder>): Promise<LoadResult>;
  publish(order: Partial<PublishOrder> & Pick<PublishOrder, 'events'>): Promise<LoadResult>;
};

/**
 * How events reach a server without a publish request. `line`: its own code publishes. `rest`, `tcp`: another process
 * publishes, and the server hears it from Redis, over the REST API or over TCP.
 */
export type InletKind = 'line' | 'rest' | 'tcp';

/** The pub/sub channel of servers without a log. */
const topic = 'bench';

/** How a contestant is started. */
export type StandOptions = {
  /** Default: events come as publish requests. */
  readonly inlet?: InletKind;
  /** More environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Number of warm-up requests, each with one event; default 500, or 20 in a smoke run. */
  readonly warmRequests?: number;
};

/** Starts a contestant and a load client, warms them up, and ends them after `use`. */
export async function withStand<T = Measured>(
  contestant: Contestant,
  size: Size,
  use: (stand: Stand) => Promise<T>,
  { env = {}, warmRequests = warmRequestsOf[size], inlet }: StandOptions = {},
  redisPort = 0,
): Promise<T> {
  const inletEnv = inlet && {
    BENCH_INLET: inlet,
    ...(contestant.hasLog ? { BENCH_PUBLISHES: '1' } : { BENCH_TOPIC: topic }),
  };
  await using server = await contestant.start({ ...env, ...inletEnv });
  using load = startLoad();
  const target = {
    ...contestant.target(server),
    ...(inlet && { inlet: inletOf(server, redisPort, contestant) }),
  };
  const stand: Stand = {
    server,
    target,
    tell: load.tell,
    open: (count, order = {}) => load.tell({ ...{ kind: 'open', target, count }, ...allReading, ...order }),
    publish: (order) => load.tell({ ...oneByOne, target, ...order }),
  };
  if (warmRequests > 0) {
    await stand.open(20);
    await stand.publish({ events: warmRequests });
    await stand.tell({ kind: 'close' });
  }
  // `return await`, because the processes end with this scope.
  return await use(stand);
}

/** The same with a Redis of its own. */
export async function withRedis<T = Measured>(
  contestant: Contestant,
  size: Size,
  use: (stand: Stand, redis: RedisStand) => Promise<T>,
  options: StandOptions = {},
): Promise<T> {
  await using redis = await startRedisStand();
  const address = options.inlet === 'tcp' ? { REDIS_URL: `redis://127.0.0.1:${redis.redisPort}` } : redis.env;
  return await withStand(
    contestant,
    size,
    (stand) => use(stand, redis),
    { ...options, env: { ...address, ...options.env } },
    redis.redisPort,
  );
}

function inletOf({ linePort }: BenchServer, redisPort: number, { hasLog }: Contestant): Inlet {
  if (linePort !== null) return { kind: 'line', port: linePort };
  return { kind: 'redis', port: redisPort, topic: hasLog ? null : topic };
}

/** Warm-up requests, each with one event: a server that runs for weeks has compiled its code long ago. */
export const warmRequestsOf: Readonly<Record<Size, number>> = { full: 500, smoke: 20 };

const allReading = { together: 20, isReading: true } as const;

const oneByOne: Omit<PublishOrder, 'target' | 'events'> = {
  ...{ kind: 'publish', together: 1, everyMs: 0, bytes: 100, batch: 1 },
  ...{ isStepwise: false, isWaiting: true },
};

/** Share of one core that the load client used. */
export function loadOf({ cpuMs, wallMs }: Pick<LoadResult, 'cpuMs' | 'wallMs'>): number {
  return cpuMs / wallMs;
}

/** Gives a heap time to come to rest. */
export function settle(size: Size): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, size === 'full' ? 2_000 : 100));
}

/** The load client. */
export type Load = Worker<LoadOrder, LoadResult>;

export function startLoad(): Load {
  return startWorker('load/load-client.ts', 'the load client');
}
