import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type App, startApp } from './app-process.ts';
import { eventually } from './eventually.ts';
import { publish, range, store } from './publish.ts';
import { startRedisStand } from './redis-stand.ts';
import { openSse, type SseReader } from './sse-reader.ts';

/** A tail reads once more a second after it has connected; then it rests. */
const settledMs = 1_500;

function openReaders(app: App, count: number, lastEventId?: string): Promise<SseReader[]> {
  return Promise.all(
    range(1, count).map(() => openSse(app, lastEventId === undefined ? {} : { lastEventId })),
  );
}

function countEvents(reader: SseReader): number {
  return reader.frames.filter((frame) => frame.event === 'message').length;
}

describe.concurrent('what Redis is asked', () => {
  test('a publish request of 1, 100 or 500 events, held to a rate, is one command and one HTTP request', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, PUBLISH_RATE: '100' });
    for (const count of [1, 100, 500]) {
      stand.upstash.resetCounts();
      await publish(app, range(1, count), { key: `request-${count}` });
      expect(stand.upstash.counts).toMatchObject({ commands: 1, requests: 1 });
    }
  });

  test('100 readers that come back at once, within what is in memory, cost at most two reads', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp(stand.env);
    using first = await openSse(app);
    await first.frame('hello');
    await store(app, range(1, 50));
    await eventually('50 events come', 10_000, () => countEvents(first) === 50);
    const cursor = first.frames.filter((frame) => frame.event === 'message')[9]?.id ?? '';
    await sleep(settledMs);
    stand.upstash.resetCounts();
    const readers = await openReaders(app, 100, cursor);
    await eventually('all have the 40 after it', 10_000, () =>
      readers.every((reader) => countEvents(reader) === 40),
    );
    expect(stand.upstash.counts.commands).toBeLessThanOrEqual(2);
    for (const reader of readers) reader.destroy();
  });

  test('100 readers that come to a fresh process at once cost as much as one', async () => {
    await using stand = await startRedisStand();
    await using publisher = await startApp(stand.env);
    using first = await openSse(publisher);
    await first.frame('hello');
    await store(publisher, range(1, 50));
    await eventually('50 events come', 10_000, () => countEvents(first) === 50);
    const cursor = first.frames.filter((frame) => frame.event === 'message')[9]?.id ?? '';
    await using app = await startApp(stand.env);
    await sleep(settledMs);
    stand.upstash.resetCounts();
    const readers = await openReaders(app, 100, cursor);
    await eventually('all have the 40 after it', 10_000, () =>
      readers.every((reader) => countEvents(reader) === 40),
    );
    // A subscription, the first read, and the one a second later; and a check of the other process.
    expect(stand.upstash.counts.commands).toBeLessThanOrEqual(4);
    for (const reader of readers) reader.destroy();
  });

  test('while nothing happens, 100 readers cost as much as 10', async () => {
    const costs = await Promise.all([10, 100].map(costOfRest));
    const [few = 0, many = 0] = costs;
    expect(few).toBeGreaterThan(0);
    expect(many).toBeLessThanOrEqual(few + 2);
  });
});

/** Commands of five quiet seconds in a process with so many readers, which asks every second. */
async function costOfRest(readerCount: number): Promise<number> {
  await using stand = await startRedisStand();
  await using app = await startApp({ ...stand.env, TAIL_CHECK_SECONDS: '1' });
  const readers = await openReaders(app, readerCount);
  await sleep(settledMs);
  stand.upstash.resetCounts();
  await sleep(5_000);
  for (const reader of readers) reader.destroy();
  return stand.upstash.counts.commands;
}
