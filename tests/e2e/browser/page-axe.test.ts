import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findByAxe } from '../../support/browser/axe.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import {
  mixedData,
  openState,
  otherStates,
  type PageState,
  pageStates,
  type StateApp,
  settingsForStates,
} from '../../support/browser/page-states.ts';
import { newPage, openLive } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { range, store } from '../../support/node/publish.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

/** Where the page begins below its masthead, in px. */
const topOfMain = (page: Page) =>
  page.locator('main').evaluate((main) => main.getBoundingClientRect().top + window.scrollY);

/** Whether the page has the bar with the status, at its usual size. */
const hasStatusBar = (state: PageState) =>
  ![
    pageStates['on a wall'],
    pageStates['of a channel that cannot be read'],
    otherStates['without an answer of the log'],
  ].includes(state);

/** An app with events of each shape, and the file of its log. */
async function startAppOfStates(settings: Readonly<Record<string, string>>): Promise<App & StateApp> {
  const folder = makeTemporaryFolder();
  const logFile = join(folder.path, 'feed.db');
  const app = await startApp({ FEED_DB: logFile, ...settings });
  for (const _ of range(1, 12)) await store(app, mixedData);
  return {
    ...app,
    logFile,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

describe.each([
  ['light', 1_280],
  ['dark', 360],
] as const)(
  'axe finds nothing in %s colours at %i px, nothing is wider than the screen, and no status moves the page',
  (colorScheme, width) => {
    const options = { colorScheme, viewport: { width, height: 740 } };
    let app: App & StateApp;
    let liveTop: number;
    beforeAll(async () => {
      app = await startAppOfStates(settingsForStates);
      await using open = await openLive(browser, app, options);
      liveTop = await topOfMain(open.page);
    });
    afterAll(() => app[Symbol.asyncDispose]());

    async function check(target: StateApp, state: PageState): Promise<void> {
      await using open = await newPage(browser, options);
      await openState(open.page, target, state);
      expect(await findByAxe(open.page)).toEqual([]);
      expect(await open.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      if (hasStatusBar(state)) expect(await topOfMain(open.page)).toBe(liveTop);
    }

    test.each(Object.entries(pageStates))('when the page is %s', (_, state) => check(app, state));

    test.each(Object.entries(otherStates))('when the page is %s', async (_, state) => {
      await using own = await startAppOfStates(state.settings);
      await check(own, state);
    });
  },
);
