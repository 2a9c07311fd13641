import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import {
  newPage,
  openLive,
  quickToDraw,
  readTexts,
  readWhole,
  shows,
} from '../../support/browser/page-steps.ts';
import { startDeployment } from '../../support/node/deployment.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

test('the deployed page is rendered by the server, and shows its events without JavaScript', async () => {
  await using deployment = await startDeployment();
  await store(deployment, ['from the server']);
  await using open = await newPage(browser, { javaScriptEnabled: false });
  await open.page.goto(deployment.url);
  expect(await readTexts(open.page)).toEqual(['from the server']);
});

test('the deployed page shows every new event, across handovers', async () => {
  await using deployment = await startDeployment({ limitSeconds: 5, requestsPerInstance: 2 });
  await store(deployment, ['event 0']);
  await using open = await openLive(browser, deployment, quickToDraw);
  const handovers = async () => (await open.seen.statuses()).filter((word) => word === 'Handing over').length;
  let count = 0;
  await eventually('two handovers are over', 30_000, async () => {
    count += 1;
    await store(deployment, [`event ${count}`]);
    return (await handovers()) >= 2 && (await open.seen.status()) === 'Live';
  });
  await shows(open.page, `event ${count}`);
  const texts = (await readWhole(open.page)).map(({ text }) => text);
  expect(texts.toReversed()).toEqual(range(0, count).map((number) => `event ${number}`));
  expect(deployment.runs.filter(({ ending }) => ending === 'cut' || ending === 'lost')).toEqual([]);
  expect(open.seen.errors).toEqual([]);
});
