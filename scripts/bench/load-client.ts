import { Agent, request as send } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadOrder, LoadResult, PublishOrder, Target } from './load-orders.ts';

/*
 * The other side of every measurement, in a process of its own: readers over bare sockets that only count, so that it
 * does less than any server does. An event's data begins with `^`, which is in nothing else that is sent, and goes on with
 * the time at which it was published.
 */

const mark = '^'.charCodeAt(0);
const end = '$'.charCodeAt(0);

const agent = new Agent({ keepAlive: true });
const sockets = new Set<Socket>();
let received = 0;
let receivedAtOpening = 0;
let latencies: number[] = [];
let news = Promise.withResolvers<void>();

function count(chunk: Buffer): void {
  const now = performance.now();
  for (let at = chunk.indexOf(mark); at !== -1; at = chunk.indexOf(mark, at + 1)) {
    received += 1;
    const close = chunk.indexOf(end, at);
    if (close !== -1) latencies.push(now - Number(chunk.toString('latin1', at + 1, close)));
  }
  const { resolve } = news;
  news = Promise.withResolvers();
  resolve();
}

/** One stream; resolves when its first bytes are here. */
function openStream({ port, streamPath }: Target, isReading: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    sockets.add(socket);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('a stream was closed')));
    socket.write(`GET ${streamPath} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`);
    socket.once('data', (head) => {
      const isRefused = head.includes('event: refused') || !head.toString('latin1', 0, 12).endsWith('200');
      if (isRefused) return reject(new Error(head.toString()));
      count(head);
      socket.on('data', count);
      if (!isReading) socket.pause();
      resolve();
    });
  });
}

async function open({ target, count, together, isReading }: LoadOrder & { readonly kind: 'open' }) {
  let left = count;
  receivedAtOpening = received;
  await Promise.all(
    Array.from({ length: together }, async () => {
      while (left-- > 0) await openStream(target, isReading);
    }),
  );
}

function post({ port, publishPath, publishHeaders }: Target, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...publishHeaders,
    };
    const request = send(
      { agent, port, host: '127.0.0.1', path: publishPath, method: 'POST', headers },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 201 ? resolve() : reject(new Error(`publishing: ${response.statusCode}`)),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

async function publish(order: PublishOrder): Promise<void> {
  const { target, events, batch, together, everyMs, isStepwise, isWaiting, bytes } = order;
  const before = received;
  const streams = sockets.size;
  let sent = 0;
  const begun = performance.now();
  const publisher = async () => {
    while (sent < events) {
      const size = Math.min(batch, events - sent);
      sent += size;
      const dueMs = begun + (sent / batch - 1) * everyMs - performance.now();
      if (everyMs > 0 && dueMs > 0) await sleep(dueMs);
      const data = `^${performance.now().toFixed(3)}$`.padEnd(bytes, '.');
      const mine = before + sent * streams;
      await post(target, JSON.stringify(Array.from({ length: size }, () => ({ data }))));
      if (isStepwise) await arrived(mine);
    }
  };
  await Promise.all(Array.from({ length: together }, publisher));
  if (isWaiting) await arrived(before + events * streams);
}

/** Resolves once so many events have come in all. */
async function arrived(total: number): Promise<void> {
  while (received < total) await news.promise;
}

async function resume(events: number): Promise<void> {
  for (const socket of sockets) socket.resume();
  await arrived(receivedAtOpening + events);
}

async function ask(order: LoadOrder & { readonly kind: 'ask' }): Promise<void> {
  const until = performance.now() + order.seconds * 1_000;
  const { port, path, headers } = order;
  await Promise.all(
    Array.from({ length: order.together }, async () => {
      while (performance.now() < until) await askOnce(port, path, headers);
    }),
  );
}

function askOnce(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = send({ agent, port, host: '127.0.0.1', path, headers }, (response) => {
      response.resume();
      response.on('end', () => {
        received += 1;
        if (response.statusCode === 200 || response.statusCode === 304) resolve();
        else reject(new Error(`${path}: ${response.statusCode}`));
      });
    });
    request.on('error', reject);
    request.end();
  });
}

function close(): void {
  for (const socket of sockets) socket.removeAllListeners('close').destroy();
  sockets.clear();
}

async function obey(order: LoadOrder): Promise<void> {
  switch (order.kind) {
    case 'open':
      return open(order);
    case 'publish':
      return publish(order);
    case 'resume':
      return resume(order.events);
    case 'ask':
      return ask(order);
    case 'close':
      return close();
    default:
      return order satisfies never;
  }
}

function share(sorted: Float64Array, part: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
}

process.on('message', async (order: LoadOrder) => {
  latencies = [];
  const before = { at: performance.now(), cpu: process.cpuUsage(), received };
  try {
    await obey(order);
    const { user, system } = process.cpuUsage(before.cpu);
    const wallMs = performance.now() - before.at;
    const sorted = Float64Array.from(latencies).sort();
    const result: LoadResult = {
      wallMs,
      cpuMs: (user + system) / 1_000,
      count: received - before.received,
      p50Ms: share(sorted, 0.5),
      p99Ms: share(sorted, 0.99),
    };
    process.send?.({ result });
  } catch (cause) {
    process.send?.({ error: cause instanceof Error ? cause.message : String(cause) });
  }
});
