import { describe, expect, test } from 'vitest';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually, within } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { openRawSocket, requestText } from '../../support/node/raw-socket.ts';
import { startResumingReader } from '../../support/node/resuming-reader.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { openStalledReader, storeBulk } from '../../support/node/stalled-reader.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** Sends a signal. @returns the time until the process ended, in ms. */
async function stop(app: App, signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
  const startedAt = performance.now();
  app.kill(signal);
  await within('the process ends', 30_000, app.ended);
  return performance.now() - startedAt;
}

describe.concurrent('a process that gets SIGTERM', () => {
  test('hands its streams over at once, and ends them cleanly', async () => {
    await using app = await startApp();
    using reader = await openSse(app);
    await reader.frame('hello');
    const stopped = stop(app);
    const handover = await reader.frame('handover', 500);
    expect(JSON.parse(handover.data)).toEqual({ reason: 'stopping', closesInMs: 1_500 });
    expect(await reader.over).toBe('ended');
    expect(reader.retryMs()).toBeLessThanOrEqual(1_000);
    expect(await stopped).toBeLessThan(5_000);
    expect(await app.ended).toEqual({ code: 143, signal: null });
  });

  test('ends within 5 s, whatever its clients do', async () => {
    await using app = await startApp();
    using _stalled = await openStalledReader(app);
    await storeBulk(app);
    using idle = await openRawSocket(app.port, requestText('GET', '/api/health'));
    await idle.until('200 OK');
    using poll = await openRawSocket(app.port, requestText('GET', '/api/events?wait=20'));
    using _half = await openRawSocket(
      app.port,
      'POST /api/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n',
    );
    await eventually('the poll is held', 30_000, async () => (await app.health()).tails === 1);
    expect(await stop(app)).toBeLessThan(5_000);
    expect(poll.received()).toContain('200 OK');
    expect(poll.received()).toContain('"events":[]');
  });

  test('answers a held long poll at once', async () => {
    await using app = await startApp();
    const poll = fetch(`${app.url}/api/events?wait=20`);
    await eventually('it is held', 30_000, async () => (await app.health()).tails === 1);
    const stopped = stop(app);
    expect(await (await within('it is answered', 500, poll)).json()).toMatchObject({
      events: [],
      more: false,
    });
    expect(await stopped).toBeLessThan(2_000);
  });

  test('ends at once when it has no streams', async () => {
    await using app = await startApp();
    expect(await stop(app)).toBeLessThan(2_000);
  });

  test('ends at once when its log cannot be opened', async () => {
    await using app = await startApp({ FEED_DB: '/dev/null/feed.db' });
    expect(await stop(app)).toBeLessThan(2_000);
    expect(app.printed()).not.toMatch(/\b[A-Z]?\w*Error\b|uncaught|unhandled/);
  });

  test('or Ctrl-C hands its streams over', async () => {
    await using app = await startApp();
    using reader = await openSse(app);
    await reader.frame('hello');
    const stopped = stop(app, 'SIGINT');
    expect(JSON.parse((await reader.frame('handover')).data)).toMatchObject({ reason: 'stopping' });
    expect(await reader.over).toBe('ended');
    expect(await stopped).toBeLessThan(5_000);
  });

  test('loses no event for readers that come back to the next process on the same log file', async () => {
    using folder = makeTemporaryFolder();
    const env = { FEED_DB: `${folder.path}/feed.db` };
    let app = await startApp(env);
    await using reader = await startResumingReader(() => app);
    for (const round of range(0, 3)) {
      for (const number of range(1, 20)) await store(app, [round * 20 + number]);
      app.kill('SIGTERM');
      const { port } = app;
      await app.ended;
      app = await startApp(env, port);
    }
    await using _last = app;
    await reader.until(80);
    expect(reader.data).toEqual(range(1, 80));
    expect(reader.gaps).toEqual([]);
  });
});
