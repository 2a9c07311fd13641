import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostsChannel } from '../../../app/_feed/state/demo-channels.ts';
import { hostName } from '../../../scripts/demo/hosts.ts';
import { findByAxe } from '../../support/browser/axe.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, newPage } from '../../support/browser/page-steps.ts';
import { eventually } from '../../support/node/eventually.ts';
import { runScript, type ScriptProcess } from '../../support/scripts/script-process.ts';

const waitOptions = { timeout: 60_000 };
const token = 'publish-token-of-the-demo';

let browser: Browser;
let demo: ScriptProcess;
let url: string;
beforeAll(async () => {
  browser = await startChromium();
  demo = runScript('demo', ['--port', '0'], { PUBLISH_TOKEN: token });
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

/** A row of the table of hosts. A title in the row's first cell is its subject. */
const row = (page: Page, subject: string) =>
  page
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader').and(page.getByTitle(subject, { exact: true })) });

test.concurrent('the demo shows each host that reports, and a job until its channel has ended', async () => {
  await using opened = await newPage(browser, { viewport: { width: 1_280, height: 900 } });
  const { page } = opened;
  await page.goto(url);
  await hasStatus(page, 'Live');
  const panel = page.getByRole('group', { name: 'Hosts now' });
  for (const name of ['proxy', 'app']) await row(page, `${hostName()}:${name}`).waitFor(waitOptions);
  const machine = row(page, hostName());
  await machine.waitFor(waitOptions);
  expect(await machine.textContent()).toMatch(/\d %[\d.]+ (MB|GB)\d+\.\d\d$/);
  await panel.getByText(/^Job: hash the files of the app (running|ended)$/).waitFor(waitOptions);
  await panel.getByText('Its channel has ended').waitFor({ timeout: 120_000 });
  await panel.getByText(/^(\d+) of \1 files\./).waitFor(waitOptions);
  expect(await findByAxe(page)).toEqual([]);
  expect(opened.seen.errors).toEqual([]);
}, 300_000);

test.concurrent('a second machine joins the table by a command, and leaves it after it has died', async () => {
  await using opened = await newPage(browser, { viewport: { width: 1_280, height: 900 } });
  const { page } = opened;
  await page.goto(url);
  const second = runScript('demo', ['--report', url, '--name', 'web-2'], { PUBLISH_TOKEN: token });
  await row(page, 'web-2').waitFor(waitOptions);
  // First it is late, and says since when.
  second.child.kill('SIGKILL');
  await second.code;
  await row(page, 'web-2')
    .getByText(/^web-2 \d+ s ago$/)
    .waitFor(waitOptions);
  await row(page, 'web-2').waitFor({ ...waitOptions, state: 'detached' });
  expect(await row(page, hostName()).count()).toBe(1);
  expect(opened.seen.errors).toEqual([]);
}, 300_000);

test.concurrent('a host that is late says since when', async () => {
  const data = { busyPercent: 12, memoryMegabytes: 900, load: 0.5 };
  const event = { channel: hostsChannel, type: 'host', subject: 'web-3', ttlSeconds: 3_600, data };
  const answer = await fetch(`${url}/api/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(event),
  });
  expect(answer.status).toBe(201);
  await using opened = await newPage(browser, { viewport: { width: 1_280, height: 900 } });
  const { page } = opened;
  await page.goto(url);
  await row(page, 'web-3')
    .getByText(/^web-3 \d+ (s|min) ago$/)
    .waitFor(waitOptions);
});

test.concurrent('a machine with the wrong token prints which setting to change', async () => {
  const second = runScript('demo', ['--report', url, '--name', 'web-4'], { PUBLISH_TOKEN: 'another-token' });
  expect(await second.code).toBe(1);
  expect(second.err()).toMatch(
    /^demo: The server answered 401: .* Set PUBLISH_TOKEN in the environment to the token of that app/,
  );
}, 300_000);

test.concurrent('on a phone its title opens it, and nothing is wider than the screen', async () => {
  await using opened = await newPage(browser, { colorScheme: 'dark', viewport: { width: 360, height: 740 } });
  const { page } = opened;
  await page.goto(url);
  await hasStatus(page, 'Live');
  await page.getByRole('button', { name: /^Hosts now/ }).click(waitOptions);
  await row(page, hostName()).waitFor(waitOptions);
  expect(await findByAxe(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  expect(opened.seen.errors).toEqual([]);
}, 300_000);

// Last and alone: it takes the rows of the other tests away.
test('a table whose log was lost says so, and begins anew', async () => {
  await using opened = await newPage(browser, { viewport: { width: 1_280, height: 900 } });
  const { page } = opened;
  await page.goto(url);
  await row(page, 'web-3').waitFor(waitOptions);

  const forget = runScript('forget', ['--channel', hostsChannel, '--yes'], { FEED_DB: '.data/demo.db' });
  expect(await forget.code).toBe(0);

  await page.getByRole('heading', { name: 'the log was lost: it began anew' }).waitFor(waitOptions);
  await row(page, hostName()).waitFor(waitOptions);
  expect(await row(page, 'web-3').count()).toBe(0);
}, 300_000);
