import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findByAxe } from '../../support/browser/axe.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, newPage, type OpenPage } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { startBalancer } from '../../support/node/balancer.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { secrets } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

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

async function signIn(page: Page, token: string = secrets.publishToken): Promise<void> {
  await page.getByLabel('Publish token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Opens the status page of an app, signs in, and waits until the page is live. */
async function openStatus(target: Pick<App, 'url'>, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const open = await newPage(browser, options);
  await open.page.goto(`${target.url}/status`);
  await signIn(open.page);
  await hasStatus(open.page, 'Live');
  return open;
}

/** Waits until a number of the page has this value. */
async function hasFigure(page: Page, name: string, value: string): Promise<void> {
  const figure = page.locator('dl > div').filter({ has: page.getByText(name, { exact: true }) });
  await figure.getByText(value, { exact: true }).waitFor({ timeout: 30_000 });
}

/** Where the headings and the numbers of the page are. */
function placesOf(page: Page): Promise<readonly string[]> {
  return page.locator('main h2, main h3, dl > div').evaluateAll((parts) =>
    parts.map((part) => {
      const { x, y, width, height } = part.getBoundingClientRect();
      return [x, y, width, height].join(' ');
    }),
  );
}

/** A verdict: the heading that says whether something is wrong. */
async function hasVerdict(page: Page, text: string): Promise<void> {
  await page.getByRole('heading', { name: text }).waitFor({ timeout: 30_000 });
}

// Each of them starts an app of its own, or waits.
describe.concurrent('the status page', () => {
  test('asks for the publish token, says that one is wrong, and shows nothing until it is right', async () => {
    await using open = await newPage(browser);
    const { page } = open;
    await page.goto(`${app.url}/status`);
    expect(await page.getByRole('table').count()).toBe(0);

    await signIn(page, 'wrong');
    await page.getByText('This is not the publish token').waitFor();
    expect(await page.getByRole('table').count()).toBe(0);

    await signIn(page);
    await hasStatus(page, 'Live');
    await hasVerdict(page, 'All is well');
    expect(page.url()).toBe(`${app.url}/status`);
    expect(open.seen.errors).toEqual([]);
  });

  test('leaves the token in no address, no script’s reach and no cookie', async () => {
    await using open = await newPage(browser);
    const { page } = open;
    const addresses: string[] = [];
    page.on('request', (request) => addresses.push(request.url()));
    await page.goto(`${app.url}/status`);
    await signIn(page);
    await hasStatus(page, 'Live');

    expect(addresses.join(' ')).not.toContain(secrets.publishToken);
    expect(await page.content()).not.toContain(secrets.publishToken);
    expect(await page.evaluate(() => document.cookie)).toBe('');
    const [cookie, ...others] = await page.context().cookies();
    expect(others).toEqual([]);
    expect(cookie).toMatchObject({ path: '/status', httpOnly: true, sameSite: 'Strict' });
    expect(cookie?.value).not.toContain(secrets.publishToken);
  });

  test('lets its reader sign in and read without JavaScript, and sign out again', async () => {
    await using open = await newPage(browser, { javaScriptEnabled: false });
    const { page } = open;
    await page.goto(`${app.url}/status`);
    await signIn(page);
    await page.getByRole('heading', { name: 'All is well' }).waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Publish token').waitFor();
    await page.goto(`${app.url}/status`);
    await page.getByLabel('Publish token').waitFor();
  });

  test('follows the process live: streams, channels with their last id, refused requests; nothing moves', async () => {
    await using own = await startApp();
    await using open = await openStatus(own);
    const { page } = open;
    const places = await placesOf(page);

    using _reader = await openSse(own, { query: 'channel=orders&channel=chat' });
    await hasFigure(page, 'Streams', '1');
    await hasFigure(page, 'Channels', '2');
    await store(own, range(1, 3), { channel: 'orders' });
    const row = page.getByRole('row').filter({ hasText: 'orders' });
    await row.getByText(/^\d+-3$/).waitFor({ timeout: 30_000 });
    await hasFigure(page, 'Events to readers', '0.6');
    await store(own, ['x'], { channel: 'not a name' }).catch(() => undefined);
    await page.getByRole('table', { name: 'Refused requests' }).getByText('bad-request').waitFor();
    expect(await placesOf(page)).toEqual(places);
    expect(open.seen.errors).toEqual([]);
  });

  test('says at the top that the log does not answer, and goes on', async () => {
    const folder = makeTemporaryFolder();
    await using own = await startApp({ FEED_DB: join(folder.path, 'feed.db') });
    await using open = await openStatus(own);
    await hasVerdict(open.page, 'All is well');
    rmSync(folder.path, { recursive: true });

    await hasVerdict(open.page, 'One thing needs you');
    await open.page.getByText('its file was deleted or replaced').waitFor();
    await hasStatus(open.page, 'Live');
    expect(await findByAxe(open.page)).toEqual([]);
  });

  test('lists each process that a balancer leads it to', async () => {
    using folder = makeTemporaryFolder();
    const env = { FEED_DB: join(folder.path, 'feed.db') };
    await using one = await startApp(env);
    await using two = await startApp(env);
    await using balancer = await startBalancer([one, two]);
    await using open = await openStatus(balancer);
    const { page } = open;

    await page.getByRole('heading', { name: '2 processes' }).waitFor({ timeout: 30_000 });
    const names = await page
      .getByRole('table', { name: '2 processes' })
      .getByRole('button')
      .allTextContents();
    expect(new Set(names).size).toBe(2);
    for (const name of names) {
      await page.getByRole('button', { name }).click();
      await page.getByRole('region', { name: `Numbers of ${name}` }).waitFor();
    }
    expect(await findByAxe(page)).toEqual([]);
  });

  test('shows again what it may, when its server is back, and asks for the token when the token has changed', async () => {
    await using own = await startApp();
    await using open = await openStatus(own);
    own.kill('SIGKILL');
    await own.ended;
    await using next = await startApp({ PUBLISH_TOKEN: 'another-token-nobody-may-see' }, own.port);

    await hasStatus(open.page, 'Stopped');
    await open.page.getByText('Open /status, and sign in again').waitFor();
    expect(next.port).toBe(own.port);
  });
});

describe.each([
  ['light', 1_280],
  ['dark', 360],
] as const)('axe finds nothing in %s colours at %i px', (colorScheme, width) => {
  const options = { colorScheme, viewport: { width, height: 740 } };

  test('and nothing is wider than the screen: signed out, refused, and signed in', async () => {
    await store(app, ['x'], { channel: `a-channel-whose-name-has-no-place-to-break-${'x'.repeat(50)}` });
    using _reader = await openSse(app, {
      query: `channel=a-channel-whose-name-has-no-place-to-break-${'x'.repeat(50)}`,
    });
    await using open = await newPage(browser, options);
    const { page } = open;
    const check = async (state: string) => {
      expect(await findByAxe(page), state).toEqual([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect(wide, state).toBeLessThanOrEqual(0);
    };
    await page.goto(`${app.url}/status`);
    await check('signed out');
    await signIn(page, 'wrong');
    await page.getByText('This is not the publish token').waitFor();
    await check('refused');
    await signIn(page);
    await hasStatus(page, 'Live');
    await eventually(
      'the channel is shown',
      30_000,
      async () => (await page.getByText('no-place-to-break').count()) > 0,
    );
    await check('signed in');
  });
});

test('in production without a publish token the page says that it is off', async () => {
  await using own = await startApp({ PUBLISH_TOKEN: '' });
  await using open = await newPage(browser);
  await open.page.goto(`${own.url}/status`);
  await open.page.getByText('the server has no PUBLISH_TOKEN').waitFor();
  expect(await findByAxe(open.page)).toEqual([]);
});
