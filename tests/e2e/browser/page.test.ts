import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import {
  hasStatus,
  newPage,
  openLive,
  readTexts,
  recordShifts,
  shiftsOf,
  shows,
} from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

const words = (first: number, last: number) => range(first, last).map((number) => `word ${number}`);

test('a page whose channel cannot be read asks again by itself, and reloads only when it can be read', async () => {
  const folder = makeTemporaryFolder();
  await using app = await startApp({ FEED_DB: join(folder.path, 'feed.db') });
  await store(app, words(1, 3));
  folder[Symbol.dispose]();
  await using open = await newPage(browser);
  const { page } = open;
  await page.clock.install();
  let loads = 0;
  page.on('load', () => (loads += 1));
  const answers: number[] = [];
  page.on(
    'response',
    (response) => response.url().includes('/api/events') && answers.push(response.status()),
  );
  const pass = (what: string, isSo: () => boolean) =>
    eventually(what, 30_000, async () => {
      await page.clock.fastForward(16_000);
      return isSo();
    });
  await page.goto(app.url);
  await page.getByRole('alert').filter({ hasText: 'deleted or replaced' }).waitFor();
  await pass('it has asked twice', () => answers.length >= 2);
  expect(new Set(answers)).toEqual(new Set([503]));
  expect(loads).toBe(1);

  await page.route('**/api/events?*', (route) => route.fulfill({ json: {} }));
  await pass('it has reloaded', () => loads > 1);
});

describe('the page as the server renders it', () => {
  test('holds the newest fifty events, newest on top, without JavaScript', async () => {
    await using app = await startApp();
    await store(app, words(1, 60));
    await using open = await newPage(browser, { javaScriptEnabled: false });
    await open.page.goto(app.url);
    expect(await readTexts(open.page)).toEqual(words(11, 60).reverse());
    expect(await open.page.locator('noscript p').isVisible()).toBe(true);
    expect(await open.page.getByRole('status').isVisible()).toBe(false);
  });

  test('hydrates without an error and without a layout shift', async () => {
    await using app = await startApp();
    await store(app, words(1, 60));
    await using open = await newPage(browser);
    await open.page.addInitScript(recordShifts);
    await open.page.goto(app.url);
    await hasStatus(open.page, 'Live');
    expect(open.seen.errors).toEqual([]);
    expect(await shiftsOf(open.page)).toEqual([]);
    const [clock] = await open.page.locator('time').first().allTextContents();
    expect(clock).toContain(String(new Date().getFullYear()));
  });

  test('says how to publish the first event as long as there is none', async () => {
    await using app = await startApp();
    await using open = await openLive(browser, app);
    expect(await open.page.getByText('npm run push -- "hello"').isVisible()).toBe(true);
    await store(app, ['hello']);
    await shows(open.page, 'hello');
    expect(await open.page.getByText('No events yet').count()).toBe(0);
  });

  test('shows the error of the server when there is no log', async () => {
    await using app = await startApp({ VERCEL: '1' });
    await using open = await newPage(browser);
    await open.page.goto(app.url);
    const text = await open.page.getByRole('main').textContent();
    expect(text).toContain('No log is configured. Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN');
    expect(open.seen.errors).toEqual([]);
  });
});

describe('the page while it is open', () => {
  test('adds new events to the rendered ones: each event once, in order', async () => {
    await using app = await startApp();
    await store(app, words(1, 20));
    await using open = await newPage(browser);
    const going = open.page.goto(app.url);
    for (const word of words(21, 60)) await store(app, [word]);
    await going;
    await store(app, words(61, 80));
    await shows(open.page, 'word 80');
    const texts = await readTexts(open.page);
    expect(texts).toEqual(words(81 - texts.length, 80).reverse());
    expect(open.seen.errors).toEqual([]);
  });

  test('moves from event to event with Page Down and Page Up', async () => {
    await using app = await startApp();
    await store(app, words(1, 3));
    await using open = await openLive(browser, app);
    const focused = open.page.locator('article:focus p');
    await open.page.getByRole('article').first().focus();
    await open.page.keyboard.press('PageDown');
    await open.page.keyboard.press('PageDown');
    expect(await focused.textContent()).toBe('word 1');
    await open.page.keyboard.press('PageUp');
    expect(await focused.textContent()).toBe('word 2');
  });

  test('names each event by its type and seq', async () => {
    await using app = await startApp();
    await store(app, words(1, 3));
    await using open = await openLive(browser, app);
    const list = open.page.getByRole('feed', { name: 'Events, newest first' });
    expect(await list.getByRole('article', { name: 'message #3' }).textContent()).toContain('word 3');
  });
});

describe('published data', () => {
  const deep = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  const odd = [
    null,
    '',
    0,
    [],
    {},
    deep(1_000),
    JSON.parse('{"__proto__":{"a":[1]}}'),
    'x'.repeat(60_000),
    '\ud800',
    '\u0000',
  ];

  test('of any shape never breaks the list', async () => {
    await using app = await startApp();
    await store(app, [...odd, 'rendered']);
    await using open = await openLive(browser, app, { viewport: { width: 1_280, height: 2_000 } });
    await store(app, [...odd, 'came live']);
    await shows(open.page, 'came live');
    expect(await open.page.getByRole('article').count()).toBe(2 * (odd.length + 1));
    expect(open.seen.errors).toEqual([]);
  });

  test('that looks like markup stays text', async () => {
    const markup = '<b class="x">bold</b><script>document.title = "taken"</script>';
    await using app = await startApp();
    await store(app, [markup, { markup }]);
    await using open = await openLive(browser, app);
    await store(app, [markup]);
    await shows(open.page, '#3');
    expect(await readTexts(open.page)).toEqual([markup, markup]);
    expect(await open.page.locator('article .x').count()).toBe(0);
    expect(await open.page.title()).toBe('Steadfeed');
  });

  test('that is long is folded, and can be unfolded', async () => {
    await using app = await startApp();
    await store(app, ['long '.repeat(12_000)]);
    await using open = await openLive(browser, app);
    const all = open.page.locator('article pre');
    expect(await all.isVisible()).toBe(false);
    await open.page.locator('summary').click();
    expect(await all.isVisible()).toBe(true);
    expect(await all.textContent()).toBe('long '.repeat(12_000));
  });
});

describe('a page whose server ends', () => {
  /** Ends `app`, publishes `data` to its log through another server, and starts it again on its port. */
  async function restart(
    app: App,
    env: Readonly<Record<string, string>>,
    data: readonly unknown[],
  ): Promise<App> {
    await app[Symbol.asyncDispose]();
    {
      await using other = await startApp(env);
      await store(other, data);
    }
    return startApp(env, app.port);
  }

  test('says that it waits, and later shows the number of lost events as a gap in the list', async () => {
    using folder = makeTemporaryFolder();
    const env = { FEED_DB: join(folder.path, 'feed.db'), FEED_RETENTION: '10' };
    const app = await startApp(env);
    await store(app, words(1, 3));
    await using open = await openLive(browser, app);
    const again = restart(app, env, words(4, 40));
    await hasStatus(open.page, 'Waiting');
    await using _again = await again;
    await shows(open.page, 'word 40');
    const gap = '27 events are gone (the log keeps the last 10).';
    expect(await readTexts(open.page)).toEqual([...words(31, 40).reverse(), gap, ...words(1, 3).reverse()]);
    await hasStatus(open.page, 'Live');
  });

  test('shows a gap where the log was restarted', async () => {
    using folder = makeTemporaryFolder();
    const app = await startApp();
    await store(app, words(1, 3));
    await using open = await openLive(browser, app);
    await using _again = await restart(app, { FEED_DB: join(folder.path, 'feed.db') }, ['anew']);
    await shows(open.page, 'anew');
    const gap = 'The log was restarted here. Earlier events may be missing.';
    expect(await readTexts(open.page)).toEqual(['anew', gap, ...words(1, 3).reverse()]);
  });

  test('counts down, but screen readers do not announce each second', async () => {
    await using app = await startApp();
    await using open = await openLive(browser, app);
    await open.page.route('**/api/*', (route) => route.abort());
    app.kill('SIGKILL');
    // Both texts in one call: between two calls it could start to connect.
    const readBoth = () =>
      open.page.evaluate(() =>
        ['output', '[role=timer]'].map((selector) => document.querySelector(selector)?.textContent),
      );
    const isCounting = ([status, timer]: (string | null | undefined)[]) =>
      status === 'Waiting Reconnecting' && /^(in \d+ s|now)$/.test(timer ?? '');
    await eventually('it waits, and counts outside of the announced text', 30_000, async () =>
      isCounting(await readBoth()),
    );
  });
});

describe('the status of the page', () => {
  test('is Polling while streams do not get through, and events still arrive', async () => {
    await using app = await startApp({ POLL_MODE: 'short' });
    await using open = await newPage(browser);
    await open.page.route('**/api/stream*', (route) => route.fulfill({ status: 502, body: '' }));
    await open.page.goto(app.url);
    await hasStatus(open.page, 'Polling Streams do not get through here. Events still arrive, by polls.');
    await store(app, ['by poll']);
    await shows(open.page, 'by poll');
  });

  test('is Stopped with the reason after a refusal, until the user tries again', async () => {
    const problem = { type: 'about:blank', title: 'Forbidden', status: 403, detail: 'channel: not for you' };
    await using app = await startApp();
    await using open = await newPage(browser);
    const contentType = 'application/problem+json';
    await open.page.route('**/api/stream*', (route) =>
      route.fulfill({ status: 403, contentType, json: problem }),
    );
    await open.page.goto(app.url);
    await hasStatus(open.page, 'Stopped channel: not for you');
    await open.page.unrouteAll();
    await open.page.getByRole('button', { name: 'Try again' }).click();
    await hasStatus(open.page, 'Live');
  });

  test('is Handing over between two streams, without a pause or a layout shift', async () => {
    await using app = await startApp({ STREAM_MAX_SECONDS: '5' });
    await store(app, words(1, 20));
    await using open = await newPage(browser);
    await open.page.addInitScript(recordShifts);
    await open.page.goto(app.url);
    await eventually('it was handed over', 30_000, async () => {
      return (await open.seen.statuses()).slice(-2).join() === 'Handing over,Live';
    });
    expect(new Set(await open.seen.statuses())).toEqual(new Set(['Connecting', 'Live', 'Handing over']));
    expect(
      await open.page
        .getByText(/^Handovers?$/)
        .locator('xpath=..')
        .textContent(),
    ).toMatch(/[1-9]$/);
    expect(await shiftsOf(open.page)).toEqual([]);
  });
});
