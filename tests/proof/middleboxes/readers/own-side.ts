import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { root } from '../../../support/root.ts';
import { steadfeed } from '../../bench/contestants.ts';
import type { Published } from '../publishing.ts';
import type { Readings, Side } from '../run-middleboxes.ts';
import type { FeedName, ReaderOrder } from './record.ts';

/** Starts our server on an embedded log. Its readers are our client and a native `EventSource`, both in Node. */
export async function startOwnSide(stack: AsyncDisposableStack, streamSeconds: string): Promise<Side> {
  const data = mkdtempSync(join(tmpdir(), 'steadfeed-middleboxes-'));
  stack.defer(() => rmSync(data, { recursive: true, force: true }));
  const contestant = steadfeed(root, data);
  const server = stack.use(await contestant.start({ STREAM_MAX_SECONDS: streamSeconds }));
  const { publishPath, publishHeaders } = contestant.target(server);
  const address = `http://127.0.0.1:${server.port}${publishPath}`;
  return {
    kinds: ['steadfeed', 'eventSource'],
    port: server.port,
    waitedMs: server.waitedMs,
    publish: (feed) => store(address, publishHeaders, feed),
    async startReaders(orders) {
      const groups = [...Map.groupBy(orders, ({ kind, feed }) => `${kind} ${feed}`).values()];
      const threads = await Promise.all(groups.map((each) => startThread(stack, each)));
      return {
        async finish() {
          const readings = await Promise.all(threads.map(finishThread));
          return {
            records: readings.flatMap(({ records }) => records),
            maxDelayMs: Math.max(...readings.map(({ maxDelayMs }) => maxDelayMs)),
          };
        },
      };
    },
  };
}

/** Starts readers of one kind and one feed, and waits until each has begun. @throws Error if the thread fails. */
async function startThread(stack: AsyncDisposableStack, orders: readonly ReaderOrder[]): Promise<Worker> {
  const thread = new Worker(new URL('reader-thread.ts', import.meta.url), { workerData: orders });
  stack.defer(async () => void (await thread.terminate()));
  await once(thread, 'message');
  return thread;
}

async function finishThread(thread: Worker): Promise<Readings> {
  thread.postMessage('finish');
  const [readings] = (await once(thread, 'message')) as [Readings];
  return readings;
}

/** Publishes one event to our server. */
async function store(
  address: string,
  headers: Readonly<Record<string, string>>,
  feed: FeedName,
): Promise<Published> {
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ channel: feed, data: 'an event' }),
  });
  const text = await response.text();
  if (response.status !== 201)
    throw new Error(`the answer to the publish request was ${response.status}: ${text}`);
  const [event] = (JSON.parse(text) as { events: readonly { id: string }[] }).events;
  const name = event?.id ?? '';
  return { feed, name, at: Number(name.split('-')[0]) };
}
