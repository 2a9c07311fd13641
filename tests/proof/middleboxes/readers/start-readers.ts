import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ReaderOrder, ReaderRecord } from './record.ts';

/** What readers give at their end. */
export type Readings = {
  readonly records: readonly ReaderRecord[];
  /** The longest time that their thread was busy or had no processor, in ms. */
  readonly maxDelayMs: number;
};

/** Readers that run. */
export type Readers = { finish(): Promise<Readings> };

/** Starts readers of one kind and one feed in a thread, and waits until each has begun. @throws Error if the thread fails. */
export async function startNodeReaders(
  stack: AsyncDisposableStack,
  orders: readonly ReaderOrder[],
): Promise<Readers> {
  const thread = new Worker(new URL('reader-thread.ts', import.meta.url), { workerData: orders });
  stack.defer(async () => void (await thread.terminate()));
  await once(thread, 'message');
  return {
    async finish() {
      thread.postMessage('finish');
      const [readings] = (await once(thread, 'message')) as [Readings];
      return readings;
    },
  };
}
