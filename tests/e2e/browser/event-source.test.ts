import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import { startMeddlingProxy } from '../../support/browser/meddling-proxy.ts';
import { startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

type Native = { got: number[]; hellos: number; handovers: number; errors: number };

/** Opens a page of the app's origin with a native EventSource, without our client. */
async function openNative(url: string, query: string) {
  const page = await browser.newPage();
  await page.goto(`${url}/api/health`);
  await page.evaluate((address) => {
    const native: Native = { got: [], hellos: 0, handovers: 0, errors: 0 };
    Object.assign(globalThis, { native });
    const source = new EventSource(address);
    source.onmessage = ({ data }) => native.got.push(JSON.parse(data).data);
    source.addEventListener('hello', () => (native.hellos += 1));
    source.addEventListener('handover', () => (native.handovers += 1));
    source.onerror = () => (native.errors += 1);
  }, `/api/stream?${query}`);
  return { page, native: () => page.evaluate(() => (globalThis as unknown as { native: Native }).native) };
}

describe('a native EventSource in Chromium', () => {
  test('resumes after deadlines and cut connections, and gets every event once, in order', async () => {
    await using app = await startApp({ STREAM_MAX_SECONDS: '5' });
    await using proxy = await startMeddlingProxy(app.url);
    await store(app, range(1, 3));
    const { page, native } = await openNative(proxy.url, 'rewind=all');
    await eventually('it is live', 30_000, async () => (await native()).hellos === 1);

    let last = 3;
    let cuts = 0;
    let hellosAtCut = 0;
    await eventually('three streams were cut, and a later one was handed over', 60_000, async () => {
      await store(app, range(last + 1, last + 4));
      last += 4;
      await page.waitForTimeout(150);
      const { hellos, handovers } = await native();
      if (cuts === 3) return handovers > 0;
      if (hellos === hellosAtCut || last % 3 !== 0) return false;
      hellosAtCut = hellos;
      cuts += 1;
      proxy.cutAll();
      return false;
    });
    await store(app, [last + 1]);

    // One hello before each cut, one after the last cut, one after the deadline.
    const { got } = await eventually('it has reconnected, and has the last event', 30_000, async () => {
      const state = await native();
      return state.hellos === 5 && state.got.includes(last + 1) && state;
    });
    expect(got).toEqual(range(1, last + 1));
    await page.close();
  });

  test('gets the refusal of a full server inside the stream, and reconnects when a slot is free', async () => {
    await using app = await startApp({ STREAM_MAX_CONNECTIONS: '1', STREAM_MAX_SECONDS: '5' });
    const first = await openNative(app.url, 'rewind=all');
    await eventually('the first is live', 30_000, async () => (await first.native()).hellos === 1);
    const second = await openNative(app.url, 'rewind=all');
    await eventually('the second was refused', 30_000, async () => (await second.native()).errors > 0);

    await first.page.close();

    await eventually('the second is live', 30_000, async () => (await second.native()).hellos > 0);
    await second.page.close();
  });

  test('reads a channel to its end, comes back once, and is stopped by the 204', async () => {
    await using app = await startApp();
    await store(app, [1, 2], { channel: 'job' });
    const page = await browser.newPage();
    await page.goto(`${app.url}/api/health`);
    const statuses: number[] = [];
    page.on('response', (response) => {
      if (response.url().includes('/api/stream')) statuses.push(response.status());
    });
    await page.evaluate(() => {
      const source = new EventSource('/api/stream?channel=job&rewind=all');
      const native = { source, got: [] as unknown[], ends: [] as unknown[], errors: [] as number[] };
      Object.assign(globalThis, { native });
      source.onmessage = ({ data }) => native.got.push(JSON.parse(data).data);
      source.addEventListener('end', ({ data }) => native.ends.push(JSON.parse(data).channel));
      source.onerror = () => native.errors.push(source.readyState);
    });
    type Ending = { source: EventSource; got: unknown[]; ends: unknown[]; errors: number[] };
    const read = () =>
      page.evaluate(() => {
        const { source, got, ends, errors } = (globalThis as unknown as { native: Ending }).native;
        return { state: source.readyState, got, ends, errors };
      });
    await eventually('it has two events', 30_000, async () => (await read()).got.length === 2);

    await store(app, ['over'], { channel: 'job', end: true });

    // 0: it connects again. 2: closed for good.
    await eventually('it has stopped', 30_000, async () => (await read()).state === 2);
    expect(await read()).toEqual({ state: 2, got: [1, 2, 'over'], ends: ['job'], errors: [0, 2] });
    expect(statuses).toEqual([200, 204]);
    await page.close();
  });

  test('of a state forgets its cursor at a gap, and begins with the new state', async () => {
    using folder = makeTemporaryFolder();
    const file = join(folder.path, 'feed.db');
    await using app = await startApp({ FEED_DB: file });
    await store(app, ['old'], { channel: 'hosts', subject: 'a' });
    const page = await browser.newPage();
    await page.goto(`${app.url}/api/health`);
    await page.evaluate(() => {
      const native: [string, string, string][] = [];
      Object.assign(globalThis, { native });
      const source = new EventSource('/api/stream?channel=hosts&latest');
      const add = ({ type, data, lastEventId }: MessageEvent) =>
        native.push([
          type,
          String(JSON.parse(data).data ?? JSON.parse(data).reason),
          lastEventId === '' ? 'none' : 'set',
        ]);
      for (const name of ['state', 'message', 'gap']) source.addEventListener(name, add);
    });
    const read = () => page.evaluate(() => (globalThis as unknown as { native: string[][] }).native);
    await eventually('it has the state', 30_000, async () => (await read()).length === 1);
    await store(app, ['live'], { channel: 'hosts', subject: 'b' });
    await eventually('it has the event', 30_000, async () => (await read()).length === 2);

    const log = createSqliteLog({ file, retention: 100 });
    await log.forget('hosts');
    log.close();
    await store(app, ['new'], { channel: 'hosts', subject: 'c' });

    await eventually('it has the new state', 30_000, async () => (await read()).length === 4);
    expect(await read()).toEqual([
      ['state', 'old', 'none'],
      ['message', 'live', 'set'],
      ['gap', 'restarted', 'none'],
      ['state', 'new', 'none'],
    ]);
    await page.close();
  });
});
