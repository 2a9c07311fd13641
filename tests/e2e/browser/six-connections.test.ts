import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { startChromium, watch } from '../../support/browser/chromium.ts';
import { quickToDraw, readSeqs } from '../../support/browser/page-steps.ts';
import { startTabs } from '../../support/browser/tabs-of-one-browser.ts';
import { startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';

/* With HTTP/1.1 a browser opens six connections to one origin, for all its tabs. Further requests wait. */
let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

/** The promise is 1 s. A busy machine gets more time. */
const limitMs = 2_000;

const settings = { STREAM_MAX_SECONDS: '10' };

describe.concurrent('the six connections of a browser', () => {
  test('stay free for a page’s own requests while ten tabs share a stream, also during a handover', async ({
    expect,
  }) => {
    await using app = await startApp(settings);
    await store(app, range(1, 5));
    await using tabs = await startTabs(browser, app);
    for (let each = 0; each < 10; each += 1) await tabs.open();
    const leader = await tabs.leader();
    const handovers = async () => (await leader.seen.statuses()).join().split('Handing over,Live').length;
    const before = await handovers();
    const asking = tabs.all().map(({ page }) => page.evaluate(askOften));
    await eventually('the stream is handed over', 30_000, async () => (await handovers()) > before);
    await sleep(500);
    await Promise.all(tabs.all().map(({ page }) => page.evaluate(stopAsking)));
    const times = (await Promise.all(asking)).flat();
    expect(times.length).toBeGreaterThanOrEqual(10);
    console.log(
      `${times.length} requests of ten tabs; the longest took ${Math.round(Math.max(...times))} ms`,
    );
    expect(Math.max(...times)).toBeLessThan(limitMs);
  });

  test('are enough for eight tabs that do not share: each shows every event once, in order', async ({
    expect,
  }) => {
    await using app = await startApp(settings);
    await store(app, range(1, 5));
    const context = await browser.newContext(quickToDraw);
    await context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'locks'));
    const tabs: Page[] = [];
    for (let each = 0; each < 8; each += 1) {
      const page = await context.newPage();
      await watch(page);
      await page.goto(app.url, { waitUntil: 'commit' });
      tabs.push(page);
    }
    const delays: number[] = [];
    for (const number of range(6, 10)) {
      await store(app, [number]);
      const since = performance.now();
      await Promise.all(
        tabs.map((page) =>
          eventually(`a tab shows event ${number}`, 25_000, async () => (await readSeqs(page))[0] === number),
        ),
      );
      delays.push(performance.now() - since);
      await sleep(Math.max(0, 3_000 - (performance.now() - since)));
    }
    console.log(`published → shown in all of eight tabs, in ms: ${delays.map(Math.round).join(', ')}`);
    for (const page of tabs) expect(await readSeqs(page)).toEqual(range(1, 10).reverse());
    await context.close();
  });
});

type Asker = { isAsking: boolean };

/** Runs in the page: sends up to five requests a second until `stopAsking`. @returns the time of each, in ms. */
async function askOften(): Promise<number[]> {
  const asker = globalThis as unknown as Asker;
  asker.isAsking = true;
  const times: number[] = [];
  while (asker.isAsking) {
    const askedAt = performance.now();
    await (await fetch('/api/health')).text();
    times.push(performance.now() - askedAt);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return times;
}

/** Runs in the page. */
function stopAsking(): void {
  (globalThis as unknown as Asker).isAsking = false;
}
