import type { ServerResponse } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { rolldown } from 'rolldown';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { badServers } from '../../support/client/bad-servers.ts';
import { feedServer, type Misbehaviour } from '../../support/client/feed-server.ts';
import { eventually } from '../../support/node/eventually.ts';

/* In strict mode React runs every effect twice. Only a real browser shows what that does to sockets. */
let browser: Browser;
let script = '';

beforeAll(async () => {
  const input = new URL('../../support/browser/use-feed-page.tsx', import.meta.url).pathname;
  const define = { 'process.env.NODE_ENV': '"development"' };
  const bundle = await rolldown({ input, platform: 'browser', transform: { define }, logLevel: 'silent' });
  script = (await bundle.generate({ format: 'iife' })).output[0].code;
  browser = await startChromium();
}, 60_000);
afterAll(() => browser?.close());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function open(misbehave?: Misbehaviour, path = '/') {
  const server = await feedServer(misbehave);
  server.publish(3);
  server.serve(path, 'text/html', '<!doctype html><div id="root"></div><script src="/page.js"></script>');
  server.serve('/favicon.ico', 'image/x-icon', '');
  server.serve('/page.js', 'text/javascript', script);
  const page = await browser.newPage();
  closing.push(() => page.close(), server.close);
  await page.goto(server.url + path);
  return { server, page };
}

const shows = (page: Page, id: string, text: string) =>
  page.waitForFunction(
    ([of, wanted]) => document.getElementById(of ?? '')?.textContent === wanted,
    [id, text],
    { timeout: 30_000 },
  );

const streams = (asked: readonly string[]) => asked.filter((url) => url.startsWith('/api/stream'));

test('a component in strict mode opens one stream, and gets every event once', async () => {
  const { server, page } = await open();
  await shows(page, 'events', '1 2 3');
  server.publish(2);
  await shows(page, 'events', '1 2 3 4 5');
  expect(streams(server.asked)).toHaveLength(1);
  expect(server.streams).toBe(1);
});

test('`after` and `rewind` say where to begin, and the callbacks are those of the latest render', async () => {
  const { server, page } = await open(undefined, '/?options');
  await shows(page, 'events', '1 2 3');
  server.publish(2);
  await shows(page, 'events', '1 2 3 4 5');
  await page.waitForFunction(() => document.getElementById('told')?.textContent?.includes('2 events'));
  const told = await page.textContent('#told');
  expect(told).toContain('streaming at ');
  expect(told).toContain('3 events');

  const rewound = await open(undefined, '/?options&rewind=60s');
  await shows(rewound.page, 'events', '1 2 3');
  expect(streams(rewound.server.asked)[0]).toContain('rewind=60s');
});

test('with `persist` a reload shows the list again and goes on; a second reload too', async () => {
  const { server, page } = await open(undefined, '/?options&persist&rewind=60s');
  await shows(page, 'events', '1 2 3');
  for (const last of [5, 7]) {
    await page.goto('about:blank');
    server.publish(2);
    await page.goBack();
    await shows(page, 'events', Array.from({ length: last }, (_, index) => index + 1).join(' '));
    await page.reload();
    await shows(page, 'events', Array.from({ length: last }, (_, index) => index + 1).join(' '));
    expect(await page.textContent('#told')).not.toContain('events');
  }
});

test('a feed that is switched off and on continues from its cursor', async () => {
  const { server, page } = await open();
  await shows(page, 'events', '1 2 3');
  await page.click('#toggle');
  await shows(page, 'status', 'paused');
  server.publish(2);
  await page.click('#toggle');
  await shows(page, 'events', '1 2 3 4 5');
});

test('of two tabs in strict mode, one holds the lock and one waits for it; a tab that is switched off does neither', async () => {
  const { server } = await open();
  const context = await browser.newContext();
  closing.push(() => context.close());
  const [first, second] = [await context.newPage(), await context.newPage()];
  for (const page of [first, second]) {
    await page.goto(server.url);
    await shows(page, 'events', '1 2 3');
  }
  const locks = () =>
    first.evaluate(async () => {
      const { held = [], pending = [] } = await navigator.locks.query();
      return [held.length, pending.length];
    });
  const becomes = (wanted: string) =>
    eventually(`locks held and pending: ${wanted}`, 30_000, async () => `${await locks()}` === wanted);
  await becomes('1,1');
  await second.click('#toggle');
  await becomes('1,0');
  await second.click('#toggle');
  await becomes('1,1');
  await first.click('#toggle');
  await becomes('1,0');
  await second.click('#toggle');
  await becomes('0,0');
});

test('a component that renders often still polls at the server’s interval', async () => {
  const { server, page } = await open(badServers.answersHtml);
  await shows(page, 'transport', 'poll');
  const polls = server.polls;
  for (let count = 0; count < 20; count += 1) {
    server.publish(1);
    await page.click('#render');
  }
  await shows(page, 'events', Array.from({ length: 23 }, (_, index) => index + 1).join(' '));
  const { polls: later } = server;
  expect(later).toBeGreaterThan(polls);
});

test('polling goes on after polls that fail', async () => {
  const { server, page } = await open(badServers.answersHtml);
  await shows(page, 'transport', 'poll');
  let failed = 0;
  server.answerPolls((response) => {
    if (failed === 3) return false;
    failed += 1;
    response.writeHead(500).end();
    return true;
  });
  server.publish(1);
  await shows(page, 'events', '1 2 3 4');
  expect(failed).toBe(3);
});

/** Records the times of the polls from now on, in ms. */
function recordPolls(
  server: Awaited<ReturnType<typeof feedServer>>,
  answer: (response: ServerResponse) => boolean,
) {
  const times: number[] = [];
  server.answerPolls((response) => {
    times.push(performance.now());
    return answer(response);
  });
  return times;
}

const waitMs = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('two components that read the same feed send one poll per interval', async () => {
  const { server, page } = await open(badServers.answersHtml, '/?beside');
  server.pollEvery(1_000);
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3');
  await waitMs(2_500);
  const times = recordPolls(server, () => false);
  for (let count = 0; count < 4; count += 1) {
    await waitMs(1_000);
    server.publish(1);
  }
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3 4 5 6 7');
  await waitMs(1_000);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(times.length).toBeGreaterThanOrEqual(4);
  expect(Math.min(...gaps)).toBeGreaterThan(700);
});

test('a component goes on polling when another one unmounts, and one that mounts later gets all events', async () => {
  const { server, page } = await open(badServers.answersHtml, '/?beside');
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3');
  await page.click('#show');
  server.publish(1);
  await shows(page, 'first', '1 2 3 4');
  await page.click('#show');
  server.publish(1);
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3 4 5');
});

test('a Retry-After holds for both components, whatever happens to the page, until the user retries', async () => {
  const { server, page } = await open(badServers.answersHtml, '/?beside');
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3');
  const times = recordPolls(server, (response) => {
    if (times.length > 1) return false;
    response.writeHead(503, { 'retry-after': '600' }).end();
    return true;
  });
  for (const id of ['first', 'second']) await shows(page, `${id}-status`, 'waiting');
  await page.evaluate(() => {
    window.dispatchEvent(new Event('focus'));
    window.dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await waitMs(1_500);
  expect(times).toHaveLength(1);
  server.publish(1);
  await page.click('#first-retry');
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3 4');
});

test('a page that is shown again polls at once, with one request for two components', async () => {
  const { server, page } = await open(badServers.answersHtml, '/?beside');
  server.pollEvery(60_000);
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3');
  await waitMs(1_500);
  const times = recordPolls(server, () => false);
  server.publish(1);
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3 4');
  expect(times).toHaveLength(1);
});

test('an app’s own SWRConfig neither stops the polls nor suspends the component', async () => {
  const { server, page } = await open(badServers.answersHtml, '/?beside&config');
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3');
  server.publish(1);
  for (const id of ['first', 'second']) await shows(page, id, '1 2 3 4');
  expect(await page.evaluate(() => document.body.dataset.suspended)).toBeUndefined();
});
