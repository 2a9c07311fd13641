import { setTimeout as sleep } from 'node:timers/promises';
import { obeyOrders } from '../worker.ts';
import { ask } from './load-http.ts';
import type { LoadOrder, LoadResult, PublishOrder } from './load-orders.ts';
import { publishBatch } from './load-publish.ts';
import {
  closeReaders,
  cutOne,
  openReaders,
  placesOfReaders,
  readerCount,
  reopenReaders,
  resumeReaders,
} from './load-readers.ts';
import {
  arrived,
  countAnswer,
  countOne,
  makeData,
  receivedSoFar,
  takeAnswers,
  takeLatencies,
} from './load-tally.ts';

/* The load client of every measurement, in a process of its own. */

let receivedAtOpening = 0;
let cut: ReturnType<typeof closeReaders> = [];

async function publish(order: PublishOrder): Promise<void> {
  const { target, events, batch, together, everyMs, isStepwise, isWaiting, bytes } = order;
  const before = receivedSoFar();
  const readers = readerCount();
  let sent = 0;
  const begun = performance.now();
  const publisher = async () => {
    while (sent < events) {
      const size = Math.min(batch, events - sent);
      sent += size;
      const dueMs = begun + (sent / batch - 1) * everyMs - performance.now();
      if (everyMs > 0 && dueMs > 0) await sleep(dueMs);
      const data = makeData(bytes);
      const mine = before + sent * readers;
      const askedAt = performance.now();
      await publishBatch(target, Array<string>(size).fill(data));
      countAnswer(performance.now() - askedAt);
      if (isStepwise) await arrived(mine);
    }
  };
  await Promise.all(Array.from({ length: together }, publisher));
  if (isWaiting) await arrived(before + events * readers);
}

async function askForLong(order: LoadOrder & { readonly kind: 'ask' }): Promise<void> {
  const until = performance.now() + order.seconds * 1_000;
  const { port, path, headers } = order;
  await Promise.all(
    Array.from({ length: order.together }, async () => {
      while (performance.now() < until) {
        await ask(port, path, headers, () => undefined);
        countOne();
      }
    }),
  );
}

async function live({ seconds, cutsPerSecond }: LoadOrder & { readonly kind: 'live' }): Promise<void> {
  const endsAt = performance.now() + seconds * 1_000;
  while (performance.now() < endsAt) {
    await sleep(1_000 / cutsPerSecond);
    cutOne();
  }
}

/** @throws Error with the number of readers at each position, if they differ after 20 s. */
async function untilAgreed(): Promise<void> {
  for (let tries = 0; placesOfReaders().size !== 1; tries += 1) {
    if (tries === 200) throw new Error(`the readers differ: ${JSON.stringify([...placesOfReaders()])}`);
    await sleep(100);
  }
}

async function obey(order: LoadOrder): Promise<unknown> {
  switch (order.kind) {
    case 'open':
      receivedAtOpening = receivedSoFar();
      return openReaders(order);
    case 'publish':
      return publish(order);
    case 'resume':
      resumeReaders();
      return arrived(receivedAtOpening + order.events);
    case 'cut':
      cut = closeReaders();
      return;
    case 'return':
      receivedAtOpening = receivedSoFar();
      return reopenReaders(cut);
    case 'rest':
      return sleep(order.seconds * 1_000);
    case 'live':
      return live(order);
    case 'agree':
      return untilAgreed();
    case 'ask':
      return askForLong(order);
    case 'close':
      return closeReaders();
    default:
      return order satisfies never;
  }
}

function share(sorted: Float64Array, part: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? null;
}

obeyOrders<LoadOrder, LoadResult>(async (order) => {
  takeLatencies();
  takeAnswers();
  const before = { at: performance.now(), cpu: process.cpuUsage(), received: receivedSoFar() };
  await obey(order);
  const { user, system } = process.cpuUsage(before.cpu);
  const wallMs = performance.now() - before.at;
  const latencies = takeLatencies();
  const answers = takeAnswers();
  return {
    wallMs,
    cpuMs: (user + system) / 1_000,
    count: receivedSoFar() - before.received,
    p50Ms: share(latencies, 0.5),
    p99Ms: share(latencies, 0.99),
    answerP50Ms: share(answers, 0.5),
    answerP99Ms: share(answers, 0.99),
  };
});
