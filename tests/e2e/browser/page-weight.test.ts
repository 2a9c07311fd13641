import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, openLive, scriptsOf, shows } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { store } from '../../support/node/publish.ts';

/**
 * Most bytes of script that the page loads by itself, in KB. With gzip Next and React are 135 of them, the client 24, the page 20.
 * This server sends gzip; a CDN sends Brotli.
 */
const maxKB = { gzip: 180, brotli: 156 } as const;

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
  await open.page.getByRole('dialog', { name: 'Help' }).waitFor();
  await open.page.keyboard.press('Escape');
  await open.page.keyboard.press('c');
  await open.page.getByRole('complementary', { name: 'Connection' }).waitFor();
  const opened = await scriptsOf(open.page);
  expect(has(opened.text)).toEqual([true, true, false]);
});

/** Waits until the page has loaded what it loads by itself: the drawing comes last, and then the ribbon has an axis. */
const hasLoaded = (page: Page) => page.getByText(/^−\d/).waitFor();

describe('SWR', () => {
  const isLoaded = async (page: Page) => (await scriptsOf(page)).text.includes('focusThrottleInterval');

  test('is loaded when the page begins to poll, not before', async () => {
    await using open = await openLive(browser, app);
    await hasLoaded(open.page);
    expect(await isLoaded(open.page)).toBe(false);
    await open.page.route('**/api/stream?*', (route) => route.fulfill({ status: 502, body: '' }));
    await open.page.reload();
    await hasStatus(open.page, 'Polling');
    await eventually('it is loaded', 30_000, () => isLoaded(open.page));
  });

  test('is not needed: where it cannot be loaded, the page polls all the same', async () => {
    await using open = await openLive(browser, app);
    await hasLoaded(open.page);
    const scripts = (await scriptsOf(open.page)).urls;
    await open.page.route('**/api/stream?*', (route) => route.fulfill({ status: 502, body: '' }));
    let refused = 0;
    await open.page.route('**/*.js', (route) => {
      if (scripts.includes(route.request().url())) return route.continue();
      refused += 1;
      return route.fulfill({ status: 404, body: '' });
    });
    await open.page.reload();
    await hasStatus(open.page, 'Polling');
    await store(app, ['without SWR']);
    await shows(open.page, 'without SWR');
    expect(refused).toBeGreaterThan(0);
  });
});

test('a part that the server does not have any more is replaced by an advice, and the page goes on', async () => {
  await using open = await openLive(browser, app);
  await open.page.route('**/*.js', (route) => route.fulfill({ status: 404, body: '' }));
  await open.page.keyboard.press('c');
  await open.page.getByRole('alert').getByRole('button', { name: 'Reload the page' }).waitFor();
  expect(await open.page.getByRole('feed').or(open.page.getByText('No events yet')).count()).toBe(1);
});
