import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findByAxe } from '../../support/browser/axe.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import { mixedData, otherStates, pageStates, settingsForStates } from '../../support/browser/page-states.ts';
import { hasStatus, newPage, openLive } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { range, store } from '../../support/node/publish.ts';

let browser: Browser;
let app: App;
beforeAll(async () => {
  browser = await startChromium();
  app = await startApp(settingsForStates);
  for (const _ of range(1, 12)) await store(app, mixedData);
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

describe.each([
  ['light', 1_280],
  ['dark', 360],
] as const)('axe finds nothing in %s colours at %i px', (colorScheme, width) => {
  const options = { colorScheme, viewport: { width, height: 740 } };

  test.each(Object.entries(pageStates))('when the page is %s', async (_, reach) => {
    await using open = await openLive(browser, app, options);
    await reach(open.page, app);
    expect(await findByAxe(open.page)).toEqual([]);
  });

  test.each(Object.entries(otherStates))('when the page is %s', async (_, { settings, reach }) => {
    await using own = await startApp(settings);
    await store(own, mixedData);
    await using open = await openLive(browser, own, options);
    await reach(open.page, own);
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
