import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { openLive, scriptsOf } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';

/**
 * Most bytes of script that the page loads by itself, in KB. With gzip Next and React are 135 of them, the client and SWR 29, the
 * virtual list 8, the page 20. This server sends gzip; a CDN sends Brotli.
 */
const maxKB = { gzip: 193, brotli: 168 } as const;

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

test('the page loads no more script than its limit, and what only opens at a key press when it is pressed', async () => {
  await using open = await openLive(browser, app);
  await open.page.waitForLoadState('networkidle').catch(() => undefined);
  const first = await scriptsOf(open.page);
  expect(first.gzip).toBeLessThan(maxKB.gzip);
  expect(first.brotli).toBeLessThan(maxKB.brotli);
  const has = (text: string) =>
    ['Use single-key shortcuts', 'Skips repaired', 'Try to break it'].map((words) => text.includes(words));
  expect(has(first.text)).toEqual([false, false, false]);

  await open.page.keyboard.press('?');
  await open.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await open.page.keyboard.press('Escape');
  await open.page.keyboard.press('c');
  await open.page.getByRole('complementary', { name: 'Connection' }).waitFor();
  const opened = await scriptsOf(open.page);
  expect(has(opened.text)).toEqual([true, true, false]);
});

test('a part that the server does not have any more is replaced by an advice, and the page goes on', async () => {
  await using open = await openLive(browser, app);
  await open.page.route('**/*.js', (route) => route.fulfill({ status: 404, body: '' }));
  await open.page.keyboard.press('c');
  await open.page.getByRole('alert').getByRole('button', { name: 'Reload the page' }).waitFor();
  expect(await open.page.getByRole('feed').or(open.page.getByText('No events yet')).count()).toBe(1);
});
