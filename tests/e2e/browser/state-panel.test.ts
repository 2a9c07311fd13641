import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findByAxe } from '../../support/browser/axe.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, newPage } from '../../support/browser/page-steps.ts';
import { eventually } from '../../support/node/eventually.ts';
import { runScript, type ScriptProcess } from '../../support/scripts/script-process.ts';

const waitOptions = { timeout: 60_000 };

let browser: Browser;
let demo: ScriptProcess;
let url: string;
beforeAll(async () => {
  browser = await startChromium();
  demo = runScript('demo', ['--port', '0']);
  url = await eventually(
    'the demo publishes',
    90_000,
    () => /(http:\/\/localhost:\d+)\n.*-\d+\n.*-\d+\n/s.exec(demo.out())?.[1],
  );
}, 300_000);
afterAll(async () => {
  // SIGINT, not SIGKILL: a killed demo cannot end its app.
  demo.child.kill('SIGINT');
  await demo.code;
  await browser.close();
});

test('the demo shows the latest value of each core, and a job until its channel has ended', async () => {
  await using opened = await newPage(browser, { viewport: { width: 1_280, height: 900 } });
  const { page } = opened;
  await page.goto(url);
  await hasStatus(page, 'Live');
  const panel = page.getByRole('group', { name: 'This machine now' });
  await panel.getByRole('rowheader', { name: 'core-1', exact: true }).waitFor(waitOptions);
  await panel.getByText(/^Job: hash the files of the app (running|ended)$/).waitFor(waitOptions);
  await panel.getByText('Its channel has ended').waitFor({ timeout: 120_000 });
  await panel.getByText(/^(\d+) of \1 files\./).waitFor(waitOptions);
  expect(await findByAxe(page)).toEqual([]);
  expect(opened.seen.errors).toEqual([]);
}, 300_000);

test('on a phone its title opens it, and nothing is wider than the screen', async () => {
  await using opened = await newPage(browser, { colorScheme: 'dark', viewport: { width: 360, height: 740 } });
  const { page } = opened;
  await page.goto(url);
  await hasStatus(page, 'Live');
  await page.getByRole('button', { name: /^This machine now/ }).click(waitOptions);
  await page.getByRole('rowheader', { name: 'core-1', exact: true }).waitFor(waitOptions);
  expect(await findByAxe(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  expect(opened.seen.errors).toEqual([]);
}, 300_000);
