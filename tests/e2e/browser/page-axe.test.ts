import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findByAxe } from '../../support/browser/axe.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, newPage, openLive } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { range, store } from '../../support/node/publish.ts';

const mixed = [
  'a text',
  'x'.repeat(5_000),
  { user: 'ada', action: 'deploy', ok: true },
  { a: { b: range(1, 100) } },
  [1, 2, 3],
];

let browser: Browser;
let app: App;
beforeAll(async () => {
  browser = await startChromium();
  app = await startApp();
  for (const _ of range(1, 12)) await store(app, mixed);
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

/** The states of the page, each with the steps that lead to it. */
const states: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  live: async () => {},
  'scrolled, with new events': async (page) => {
    await page.evaluate(() => window.scrollTo(0, 1_000));
    await store(app, mixed);
    await page.getByRole('button', { name: /^\d+ new/ }).waitFor();
  },
  'with a text unfolded': (page) => page.locator('summary').first().click(),
  'paused by its reader': async (page) => {
    await page.keyboard.press('p');
    await hasStatus(page, 'Paused');
  },
  'filtered to nothing': async (page) => {
    await page.getByLabel('Search').fill('no such text');
    await page.getByRole('button', { name: 'Show all' }).waitFor();
  },
  'with one event open': async (page) => {
    await page.locator('article button').first().click();
    await page.getByRole('dialog').waitFor();
  },
  'with its keys explained': async (page) => {
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  },
  'with the connection shown': async (page) => {
    await page.keyboard.press('c');
    await page.getByRole('complementary').waitFor();
  },
  'with times as ages': async (page) => {
    await page.keyboard.press('t');
    await page.getByRole('button', { name: 'Ages', pressed: true }).waitFor();
  },
  waiting: async (page) => {
    await page.route('**/api/*', (route) => route.abort());
    await page.reload();
    await hasStatus(page, 'Waiting');
  },
  polling: async (page) => {
    await page.route('**/api/stream*', (route) => route.fulfill({ status: 502, body: '' }));
    await page.reload();
    await hasStatus(page, 'Polling');
  },
  stopped: async (page) => {
    const problem = { type: 'about:blank', title: 'Forbidden', status: 403, detail: 'channel: not for you' };
    const contentType = 'application/problem+json';
    await page.route('**/api/*', (route) => route.fulfill({ status: 403, contentType, json: problem }));
    await page.reload();
    await hasStatus(page, 'Stopped');
  },
};

describe.each([
  ['light', 1_280],
  ['dark', 360],
] as const)('axe finds nothing in %s colours at %i px', (colorScheme, width) => {
  const options = { colorScheme, viewport: { width, height: 740 } };

  test.each(Object.entries(states))('when the page is %s', async (_, reach) => {
    await using open = await openLive(browser, app, options);
    await reach(open.page);
    expect(await findByAxe(open.page)).toEqual([]);
  });

  test('when a channel cannot be read', async () => {
    await using open = await newPage(browser, options);
    await open.page.goto(`${app.url}/?channel=no+such+name`);
    expect(await findByAxe(open.page)).toEqual([]);
  });

  test('when there is no event yet', async () => {
    await using open = await newPage(browser, options);
    await open.page.goto(`${app.url}/?channel=empty`);
    await hasStatus(open.page, 'Live');
    expect(await findByAxe(open.page)).toEqual([]);
  });
});
