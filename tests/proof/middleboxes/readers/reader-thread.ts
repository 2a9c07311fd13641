import { parentPort, workerData } from 'node:worker_threads';
import { watchLoop } from '../loop-delay.ts';
import { type NodeReader, startEventSource, startFeedReader } from './node-reader.ts';
import type { ReaderOrder } from './record.ts';

/* The readers of one kind and one feed. A thread has a pool of connections of its own: no two readers share one. */

const orders = workerData as readonly ReaderOrder[];
const loop = watchLoop();
const readers: NodeReader[] = [];

for (const [index, order] of orders.entries()) {
  const start = order.kind === 'steadfeed' ? startFeedReader : startEventSource;
  // Not all at once: no reader is late because the others start.
  setTimeout(() => readers.push(start(order)), index * 50);
}
setTimeout(() => {
  // The time to load and to start is no delay of what is measured.
  loop.takeMaxMs();
  parentPort?.postMessage('started');
}, orders.length * 50);

parentPort?.once('message', () => {
  parentPort?.postMessage({ records: readers.map((reader) => reader.read()), maxDelayMs: loop.takeMaxMs() });
  for (const reader of readers) reader.close();
});
