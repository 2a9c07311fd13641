import { setTimeout as sleep } from 'node:timers/promises';
import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import type { BenchServer } from './bench-server.ts';
import type { Size } from './cases/case.ts';
import type { Contestant } from './contestants.ts';
import type { Target } from './load/load-orders.ts';
import type { AppendOrder } from './load/log-publisher.ts';
import { loadOf, startLoad, warmRequestsOf } from './stand.ts';
import { startWorker } from './worker.ts';

/** Servers on one Redis over TCP, a load client for each, and a process that appends to the log. */
export type GrowthStand = {
  readonly servers: readonly BenchServer[];
  readonly targets: readonly Target[];
  readonly redisPort: number;
  /**
   * Opens readers until there are `readers`, the same number at each server.
   * @param isOwnChannel whether each reader reads a channel of its own; else all read the default channel.
   */
  grow(readers: number, isOwnChannel: boolean): Promise<void>;
  /** Appends, and waits until the readers have received `deliveries` events together. */
  append(order: Omit<AppendOrder, 'kind'>, deliveries: number): Promise<void>;
  /** CPU time of all servers so far, in ms. */
  cpuMs(): number;
  /** Memory of all servers: resident, and after garbage collection, in MB. */
  memory(): Promise<{ readonly residentMb: number; readonly heldMb: number }>;
  /** The share of a core that the busiest load client used while it waited for events. */
  clientLoad(): number;
};

/** How many readers an order opens: on a slow machine more would take too long for one. */
const openAtOnce = 250;

/** More readers than any case has at one server, and streams that outlive the case. */
const limits = { STREAM_MAX_CONNECTIONS: '20000', STREAM_MAX_SECONDS: '86400' };

/**
 * Starts the processes, warms the servers up, and ends them after `use`. Node raises its limit of open files to the hard
 * one by itself.
 * @param more environment variables of the servers.
 */
export async function withGrowth<T>(
  contestant: Contestant,
  size: Size,
  count: number,
  use: (stand: GrowthStand) => Promise<T>,
  more: Readonly<Record<string, string>> = {},
): Promise<T> {
  await using stack = new AsyncDisposableStack();
  const redis = await startRedisServer();
  stack.defer(() => redis.stop());
  const env = { REDIS_URL: redis.url, ...limits, ...more };
  const servers = await Promise.all(
    Array.from({ length: count }, async () => stack.use(await contestant.start(env))),
  );
  const loads = servers.map((server) => ({
    ...{ client: stack.use(startLoad()), target: contestant.target(server) },
    ...{ readers: 0, cpuMs: 0, wallMs: 0 },
  }));
  const publisher = stack.use(
    startWorker<AppendOrder, { readonly wallMs: number }>('load/log-publisher.ts', 'the publisher', [
      redis.url,
    ]),
  );
  /** Deliveries since readers were opened last, at each server. */
  let delivered = loads.map(() => 0);

  async function grow(readers: number, isOwnChannel: boolean): Promise<void> {
    const share = Math.ceil(readers / count);
    let next = loads.reduce((sum, load) => sum + load.readers, 0);
    const growOne = async (load: (typeof loads)[number], most: number, firstChannel: number) => {
      const { client, target } = load;
      for (let first = firstChannel; load.readers < most; ) {
        const added = Math.min(openAtOnce, most - load.readers);
        const own = isOwnChannel ? { channels: added, firstChannel: first } : {};
        await client.tell({
          ...{ kind: 'open', target, count: added, together: 20, isReading: true },
          ...own,
        });
        load.readers += added;
        first += added;
      }
    };
    await Promise.all(
      loads.map((load, at) => {
        const most = Math.min(share, readers - at * share);
        const firstChannel = next;
        next += Math.max(0, most - load.readers);
        return growOne(load, most, firstChannel);
      }),
    );
    delivered = loads.map(() => 0);
  }

  async function append(order: Omit<AppendOrder, 'kind'>, deliveries: number): Promise<void> {
    const all = loads.reduce((sum, { readers }) => sum + readers, 0);
    const [, ...results] = await Promise.all([
      publisher.tell({ kind: 'append', ...order }),
      ...loads.map(({ client, readers }, at) => {
        delivered[at] = (delivered[at] ?? 0) + (all === 0 ? 0 : (deliveries * readers) / all);
        return client.tell({ kind: 'resume', events: delivered[at] ?? 0 });
      }),
    ]);
    for (const [at, { cpuMs, wallMs }] of results.entries()) {
      const load = loads[at];
      if (load === undefined) continue;
      load.cpuMs += cpuMs;
      load.wallMs += wallMs;
    }
  }

  const stand: GrowthStand = {
    servers,
    redisPort: redis.port,
    targets: loads.map(({ target }) => target),
    grow,
    append,
    cpuMs: () => servers.reduce((sum, server) => sum + server.cpuMs(), 0),
    async memory() {
      const residentKb = servers.reduce((sum, server) => sum + server.residentKb(), 0);
      const held = await Promise.all(servers.map(leastHeldKb));
      return { residentMb: residentKb / 1_024, heldMb: held.reduce((sum, kb) => sum + kb, 0) / 1_024 };
    },
    clientLoad: () => Math.max(...loads.map((load) => (load.wallMs === 0 ? 0 : loadOf(load)))),
  };
  const warm = warmRequestsOf[size];
  await grow(20 * count, false);
  for (let event = 0; event < warm; event += 1)
    await append({ events: 1, channels: null, batch: 1, perSecond: null }, 20 * count);
  for (const load of loads) {
    await load.client.tell({ kind: 'close' });
    Object.assign(load, { readers: 0, cpuMs: 0, wallMs: 0 });
  }
  await sleep(size === 'full' ? 2_000 : 100);
  return await use(stand);
}

/**
 * The memory of a server after garbage collection, once more of it frees nothing: V8 drops code that was not used for some
 * collections, and a server that has just been warmed up has much of it.
 */
async function leastHeldKb(server: BenchServer): Promise<number> {
  let least = await server.heldKb();
  for (let time = 0, last = Number.POSITIVE_INFINITY; time < 10 && last - least > 100; time += 1) {
    last = least;
    least = Math.min(least, await server.heldKb());
  }
  return least;
}
