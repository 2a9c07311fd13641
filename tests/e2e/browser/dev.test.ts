import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, type OpenPage, openLive, readTexts, shows } from '../../support/browser/page-steps.ts';
import { type App, startDevApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { range, store } from '../../support/node/publish.ts';

let browser: Browser;
let app: App;
beforeAll(async () => {
  browser = await startChromium();
  app = await startDevApp({ PROBE_MAX_SECONDS: '2' });
  // In development Next compiles a route at its first request.
  for (const path of ['/api/health', '/api/events', '/']) {
    await ask(app, path, { signal: AbortSignal.timeout(60_000) });
  }
  await store(app, words(1, 3));
}, 180_000);
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

const words = (first: number, last: number) => range(first, last).map((number) => `word ${number}`);

/** Opens the page with its connection panel, which has the buttons. */
async function openPanel(): Promise<OpenPage> {
  const open = await openLive(browser, app);
  await open.page.keyboard.press('c');
  await open.page.getByRole('complementary', { name: 'Connection' }).waitFor();
  return open;
}

test('in development a button cuts the connection, and the panel shows that the feed reconnects', async () => {
  await using open = await openPanel();
  await open.page.getByRole('button', { name: 'Cut connection' }).click();
  await open.page.getByText(/^A stream was lost/).waitFor();
  await hasStatus(open.page, 'Live');
  await store(app, words(4, 5));
  await shows(open.page, 'word 5');
  expect(await readTexts(open.page)).toEqual(words(1, 5).reverse());
  expect(open.seen.errors).toEqual([]);
});

test('another button blocks streaming: the feed polls, and streams again when it is unblocked', async () => {
  await using open = await openPanel();
  const block = open.page.getByRole('button', { name: 'Block streaming' });
  await block.click();
  await hasStatus(open.page, 'Polling');
  await store(app, words(6, 7));
  await shows(open.page, 'word 7');
  await block.click();
  await hasStatus(open.page, 'Live');
  await store(app, words(8, 9));
  await shows(open.page, 'word 9');
  expect(await readTexts(open.page)).toEqual(words(1, 9).reverse());
});
