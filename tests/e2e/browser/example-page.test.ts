import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { newPage } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { range, store } from '../../support/node/publish.ts';

let browser: Browser;
let app: App;
beforeAll(async () => {
  browser = await startChromium();
  app = await startApp();
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

/** The lines of the page, from the top. */
const linesOf = (page: Page) => page.locator('li').allTextContents();

test('the example page shows the newest events first without JavaScript, and follows the feed with it', async () => {
  await store(app, ['one', { two: 2 }]);
  await using plain = await newPage(browser, { javaScriptEnabled: false });
  await plain.page.goto(`${app.url}/example`);
  expect(await linesOf(plain.page)).toEqual(['{"two":2}', '"one"']);

  await using open = await newPage(browser);
  await open.page.goto(`${app.url}/example`);
  await expect.poll(() => open.page.getByRole('status').textContent(), { timeout: 30_000 }).toBe('streaming');
  await store(app, ['three']);
  await expect.poll(() => linesOf(open.page), { timeout: 30_000 }).toEqual(['"three"', '{"two":2}', '"one"']);
  // The console would name a script that the page's policy forbids, and a difference between server and browser.
  expect(open.seen.errors).toEqual([]);
});

test('the example page says where events are missing, and how many', async () => {
  // No reader has opened the channel in this process: the events are in the log alone.
  await using small = await startApp({ FEED_RETENTION: '10' });
  await store(small, ['before']);
  await using open = await newPage(browser);
  await open.page.route(/\/api\//, (route) => route.abort());
  await open.page.goto(`${small.url}/example`);
  expect(await linesOf(open.page)).toEqual(['"before"']);
  await store(small, range(1, 200));
  await open.page.unroute(/\/api\//);

  const newest = range(191, 200).reverse().map(String);
  await expect
    .poll(() => linesOf(open.page), { timeout: 30_000 })
    .toEqual([...newest, '190 events are missing here', '"before"']);
});

test('the example page says why a feed cannot be read', async () => {
  await using closed = await startApp({ VERCEL: '1' });
  await using open = await newPage(browser, { javaScriptEnabled: false });
  await open.page.goto(`${closed.url}/example`);
  expect(await open.page.getByRole('alert').textContent()).toContain('No log is configured.');
  expect(await linesOf(open.page)).toEqual([]);
});
