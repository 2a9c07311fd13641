import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { publish, range, store } from '../../support/node/publish.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** Kills the app, as in a crash, and starts it again on its port. */
async function crash(app: App, env: Readonly<Record<string, string>>): Promise<App> {
  app.kill('SIGKILL');
  await app.ended;
  return startApp(env, app.port);
}

/** Publishes again and again with the same key, until the answer is 201 or 200. */
async function storeWithRetries(app: () => App, data: number): Promise<void> {
  for (;;) {
    // A server that is down does not answer. It may have stored the event; the key makes the retry harmless.
    const answer = await publish(app(), [data], { key: `number-${data}` }).catch(() => null);
    if (answer?.status === 201 || answer?.status === 200) return;
    await sleep(20);
  }
}

describe.concurrent('an embedded log whose process is killed', () => {
  test('has the event that it acknowledged just before', async () => {
    using folder = makeTemporaryFolder();
    const env = { FEED_DB: `${folder.path}/feed.db` };
    const first = await startApp(env);
    await using reader = await startResumingReader(first);
    await store(first, [1]);
    await using second = await crash(first, env);
    await store(second, [2]);
    await reader.until(2);
    expect(reader.data).toEqual([1, 2]);
    expect(reader.gaps).toEqual([]);
    expect(reader.connections()).toBe(2);
  });

  test('keeps every acknowledged event through ten crashes, once, in order, for readers that resume', async () => {
    using folder = makeTemporaryFolder();
    const env = { FEED_DB: `${folder.path}/feed.db` };
    let app = await startApp(env);
    await using live = await startResumingReader(() => app);
    let stored = 0;
    let isOver = false;
    const publishing = (async () => {
      while (!isOver) await storeWithRetries(() => app, ++stored);
    })();
    for (const round of range(1, 10)) {
      await sleep(round * 40);
      app = await crash(app, env);
    }
    isOver = true;
    await publishing;
    await using last = app;
    await live.until(stored);
    await using late = await startResumingReader(last, 'rewind=all');
    await late.until(stored);
    expect(live.data).toEqual(range(1, stored));
    expect(late.data).toEqual(range(1, stored));
    expect([live.gaps, late.gaps]).toEqual([[], []]);
    expect(live.connections()).toBeGreaterThan(5);
  });
});
