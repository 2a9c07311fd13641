import type { BenchServer } from './bench-server.ts';
import type { Measured, Size } from './case.ts';
import type { Contestant } from './contestants.ts';
import { startLoad } from './load.ts';
import type { LoadOrder, LoadResult, PublishOrder, Target } from './load-orders.ts';

/** A contestant that runs, with a load client beside it. */
export type Stand = {
  readonly server: BenchServer;
  readonly target: Target;
  tell(order: LoadOrder): Promise<LoadResult>;
  /** Opens so many streams. */
  open(count: number): Promise<LoadResult>;
  publish(order: Partial<PublishOrder> & Pick<PublishOrder, 'events'>): Promise<LoadResult>;
};

/** Starts a contestant and a load client, warms both, and ends them when `use` is through. */
export async function withStand(
  contestant: Contestant,
  use: (stand: Stand) => Promise<Measured>,
): Promise<Measured> {
  await using server = await contestant.start();
  using load = startLoad();
  const target = contestant.target(server);
  const stand: Stand = {
    server,
    target,
    tell: load.tell,
    open: (count) => load.tell({ kind: 'open', target, count, together: 20, isReading: true }),
    publish: (order) => load.tell({ ...oneByOne, target, ...order }),
  };
  await stand.open(20);
  await stand.publish({ events: warmEvents, isStepwise: true });
  await stand.tell({ kind: 'close' });
  // Awaited here: the processes end with this scope.
  return await use(stand);
}

/** Requests that publish one event each, before anything is measured: what runs for weeks has been compiled long ago. */
export const warmEvents = 500;

const oneByOne: Omit<PublishOrder, 'target' | 'events'> = {
  ...{ kind: 'publish', together: 1, everyMs: 0, bytes: 100, batch: 1 },
  ...{ isStepwise: false, isWaiting: true },
};

/** Share of one core that the load client used. */
export function loadOf({ cpuMs, wallMs }: Pick<LoadResult, 'cpuMs' | 'wallMs'>): number {
  return cpuMs / wallMs;
}

/** Time for a heap to come to rest. */
export function settle(size: Size): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, size === 'full' ? 2_000 : 100));
}
