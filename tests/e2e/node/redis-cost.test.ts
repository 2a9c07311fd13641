import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { publish, range, store } from '../../support/node/publish.ts';
import { startRedisStand } from '../../support/node/redis-stand.ts';
import { openSse, type SseReader } from '../../support/node/sse-reader.ts';

/** A tail reads once more a second after it has connected. After that it waits for announcements. */
const settledMs = 1_500;

function openReaders(app: App, count: number, lastEventId?: string): Promise<SseReader[]> {
  return Promise.all(
    range(1, count).map(() => openSse(app, lastEventId === undefined ? {} : { lastEventId })),
  );
}

function countEvents(reader: SseReader): number {
  return reader.frames.filter((frame) => frame.event === 'message').length;
}

describe.concurrent('the number of Redis commands', () => {
  test('a publish request of 1, 100 or 500 events, with a rate limit, is one command in one HTTP request', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp({ ...stand.env, PUBLISH_RATE: '100' });
    for (const count of [1, 100, 500]) {
      stand.upstash.resetCounts();
      await publish(app, range(1, count), { key: `request-${count}` });
      expect(stand.upstash.counts).toMatchObject({ commands: 1, requests: 1 });
    }
  });

  test('100 readers that come back at once, to events in memory, cost at most two reads', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp(stand.env);
    using first = await openSse(app);
    await first.frame('hello');
    await store(app, range(1, 50));
    await eventually('50 events arrive', 30_000, () => countEvents(first) === 50);
    const cursor = first.frames.filter((frame) => frame.event === 'message')[9]?.id ?? '';
    await sleep(settledMs);
    stand.upstash.resetCounts();
    const readers = await openReaders(app, 100, cursor);
    await eventually('all have the 40 after it', 30_000, () =>
      readers.every((reader) => countEvents(reader) === 40),
    );
    expect(stand.upstash.counts.commands).toBeLessThanOrEqual(2);
    for (const reader of readers) reader.destroy();
  });

  test('100 readers that come to a new process at once cost as much as one', async () => {
    await using stand = await startRedisStand();
    await using publisher = await startApp(stand.env);
    using first = await openSse(publisher);
    await first.frame('hello');
    await store(publisher, range(1, 50));
    await eventually('50 events arrive', 30_000, () => countEvents(first) === 50);
    const cursor = first.frames.filter((frame) => frame.event === 'message')[9]?.id ?? '';
    await using app = await startApp(stand.env);
    await sleep(settledMs);
    stand.upstash.resetCounts();
    const readers = await openReaders(app, 100, cursor);
    await eventually('all have the 40 after it', 30_000, () =>
      readers.every((reader) => countEvents(reader) === 40),
    );
    // A subscription, the first read, and a second read a second later; and a check by the other process.
    expect(stand.upstash.counts.commands).toBeLessThanOrEqual(4);
    for (const reader of readers) reader.destroy();
  });

  test.each([
    ['a log with events', 1],
    ['an empty log', 0],
  ])('100 readers that come back to the end of %s cost nothing', async (_, count) => {
    await using stand = await startRedisStand();
    await using app = await startApp(stand.env);
    if (count > 0) await store(app, range(1, count));
    const readers = await openReaders(app, 100);
    const hellos = await Promise.all(readers.map((reader) => reader.frame('hello')));
    await sleep(settledMs);
    stand.upstash.resetCounts();
    for (const reader of readers) reader.destroy();
    const back = await Promise.all(hellos.map(({ id }) => openSse(app, { lastEventId: id })));
    await Promise.all(back.map((reader) => reader.frame('hello')));
    // One check of the quiet log can fall into this time.
    expect(stand.upstash.counts.commands).toBeLessThanOrEqual(1);
    for (const reader of back) reader.destroy();
  });

  test('50 subscriptions that break together cost one command each, and fewer reads than that', async () => {
    await using stand = await startRedisStand();
    await using app = await startApp(stand.env);
    const names = range(1, 50).map((number) => `channel-${number}`);
    const parts = [names.slice(0, 20), names.slice(20, 40), names.slice(40)];
    const readers = await Promise.all(
      parts.map((own) => openSse(app, { query: own.map((name) => `channel=${name}`).join('&') })),
    );
    await Promise.all(readers.map((reader) => reader.frame('hello')));
    await sleep(settledMs);
    stand.upstash.resetCounts();
    stand.upstash.cutSubscriptions();
    const { counts } = stand.upstash;
    await eventually('all are renewed', 30_000, () => counts.byName.get('SUBSCRIBE') === 50);
    await sleep(settledMs);
    expect(counts.byName.get('SUBSCRIBE')).toBe(50);
    // Usually two (see `tests/server/tail/renewal.test.ts`). If a busy machine needs more than a second for the
    // renewal, the late channels are read instead.
    expect(counts.byName.get('EVAL')).toBeLessThan(50);
    for (const reader of readers) reader.destroy();
  });

  test('without events 100 readers cost as much as 10', async () => {
    const costs = await Promise.all([10, 100].map(idleCost));
    const [few = 0, many = 0] = costs;
    expect(few).toBeGreaterThan(0);
    expect(many).toBeLessThanOrEqual(few + 2);
  });
});

/** The number of commands in five quiet seconds, with this many readers in a process that checks every second. */
async function idleCost(readerCount: number): Promise<number> {
  await using stand = await startRedisStand();
  await using app = await startApp({ ...stand.env, TAIL_CHECK_SECONDS: '1' });
  const readers = await openReaders(app, readerCount);
  await sleep(settledMs);
  stand.upstash.resetCounts();
  await sleep(5_000);
  for (const reader of readers) reader.destroy();
  return stand.upstash.counts.commands;
}
