import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startApp } from '../../support/node/app-process.ts';
import { readProblem } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { publish, range, store } from '../../support/node/publish.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** Holds the write lock of the file, as a backup or a repair by another program does. */
function lock(file: string): Disposable {
  const db = new DatabaseSync(file);
  db.exec('BEGIN IMMEDIATE');
  return { [Symbol.dispose]: () => db.close() };
}

/** The longest time between two of these times, in ms. */
function longestPauseMs(times: readonly number[]): number {
  return Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)));
}

describe.concurrent('a file of the embedded log that another process has locked', () => {
  test('makes publishing answer 503 with Retry-After, while health, reads and heartbeats keep their time', async () => {
    using folder = makeTemporaryFolder();
    const file = join(folder.path, 'feed.db');
    await using app = await startApp({ FEED_DB: file, HEARTBEAT_SECONDS: '0.5' });
    await store(app, [1]);
    const arrivals: number[] = [];
    using reader = await openSse(app, { onFrame: ({ at }) => arrivals.push(at) });
    await reader.frame('heartbeat');
    using _lock = lock(file);

    const publishing = Promise.all(range(1, 6).map((number) => publish(app, [number])));
    const healthMs: number[] = [];
    for (const _ of range(1, 15)) {
      const askedAt = performance.now();
      expect(await app.health()).toMatchObject({ status: 'ok' });
      healthMs.push(performance.now() - askedAt);
      await sleep(200);
    }

    for (const answer of await publishing) {
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toMatch(/^[234]$/);
      expect(readProblem(answer)).toMatchObject({
        detail: 'The embedded log failed: another process has locked its file for more than 2 s. Try again.',
      });
    }
    // A driver that waits would stop the process for 2 s with each request.
    expect(Math.max(...healthMs)).toBeLessThan(1_500);
    expect(longestPauseMs(arrivals)).toBeLessThan(1_800);
  });

  test('delays what is published meanwhile, and readers get it once, in order', async () => {
    using folder = makeTemporaryFolder();
    const file = join(folder.path, 'feed.db');
    await using app = await startApp({ FEED_DB: file });
    await using reader = await startResumingReader(app);
    await store(app, [0]);
    await reader.until(0);
    const release = lock(file);
    const publishing: ReturnType<typeof publish>[] = [];
    for (const number of range(1, 5)) {
      // One connection after the other, so that the server gets them in this order.
      publishing.push(publish(app, [number], { key: `k${number}` }));
      await sleep(100);
    }

    release[Symbol.dispose]();

    const statuses = (await Promise.all(publishing)).map(({ status }) => status);
    expect(statuses).toEqual(range(1, 5).map(() => 201));
    expect((await publish(app, [3], { key: 'k3' })).status).toBe(200);
    await eventually('all events arrive', 30_000, () => reader.data.length === 6);
    expect(reader.data).toEqual(range(0, 5));
    expect(reader.gaps).toEqual([]);
  });

  test('does not keep the server from starting, and is used when the lock is gone', async () => {
    using folder = makeTemporaryFolder();
    const file = join(folder.path, 'feed.db');
    const release = lock(file);
    await using app = await startApp({ FEED_DB: file });
    const publishing = publish(app, [1]);
    await sleep(300);

    release[Symbol.dispose]();

    expect((await publishing).status).toBe(201);
  });
});
