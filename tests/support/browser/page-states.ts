import type { Page } from 'playwright-core';
import type { App } from '../node/app-process.ts';
import { range, store } from '../node/publish.ts';
import { hasStatus } from './page-steps.ts';

/** Data of each shape that the list lays out in its own way. */
export const mixedData = [
  'a text',
  'x'.repeat(5_000),
  { user: 'ada', action: 'deploy', ok: true },
  { a: { b: range(1, 100) } },
  [1, 2, 3],
];

/** Leads the live page of `app` to a state. */
type Reach = (page: Page, app: Pick<App, 'url'>) => Promise<void>;

/** The states of the page, each with the steps that lead to it from the live page. */
export const pageStates: Readonly<Record<string, Reach>> = {
  live: async () => {},
  'on a wall': async (page, app) => {
    await page.goto(`${app.url}/?view=wall`);
    await hasStatus(page, 'Live');
  },
  'scrolled, with new events': async (page, app) => {
    await page.evaluate(() => window.scrollTo(0, 1_000));
    await store(app, mixedData);
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
