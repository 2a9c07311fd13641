import type { LoadOrder, LoadResult } from './load-orders.ts';
import { startWorker, type Worker } from './worker.ts';

/** The load client, as its orders are given. */
export type Load = Worker<LoadOrder, LoadResult>;

export function startLoad(): Load {
  return startWorker('load-client.ts', 'the load client');
}
