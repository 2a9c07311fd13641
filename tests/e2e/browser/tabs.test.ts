import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { startTabs, type Tab, type Tabs } from '../../support/browser/tabs-of-one-browser.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

/** Waits until every tab shows the events from 1 to `last`, each once, the newest on top. */
async function allShow(tabs: readonly Tab[], last: number): Promise<void> {
  for (const tab of tabs) {
    await eventually(`a tab shows event ${last}`, 30_000, async () => (await tab.newest()) === last);
    expect(await tab.seqs()).toEqual(range(1, last).reverse());
    expect(tab.seen.errors).toEqual([]);
  }
}

async function openTabs(app: App, count: number) {
  await store(app, range(1, 5));
  const tabs = await startTabs(browser, app);
  for (let each = 0; each < count; each += 1) await tabs.open();
  return tabs;
}

/** The time in ms until a tab other than `old` has a stream. */
async function timeToNextLeader(tabs: Tabs, old: Tab): Promise<number> {
  const since = performance.now();
  await eventually('another tab has a stream', 30_000, () =>
    tabs.all().some((tab) => tab !== old && tab.streams.size > 0),
  );
  return performance.now() - since;
}

/** The promise is 1 s, and the test prints the real time. A busy machine gets more time. */
const limitMs = 2_000;

describe('tabs of one browser', () => {
  test('share one stream, and ten tabs all show every event once, in order', async () => {
    await using app = await startApp();
    await using tabs = await openTabs(app, 10);
    await tabs.leader();
    for (const first of [6, 16, 26]) await store(app, range(first, first + 9));
    await allShow(tabs.all(), 35);
    expect((await app.health()).streams).toBe(1);
  });

  test('read missed events from the log if they open later, or from an older page', async () => {
    await using app = await startApp();
    await using tabs = await openTabs(app, 2);
    const old = await (await fetch(app.url)).text();
    await store(app, range(6, 400));
    const late = await tabs.open();
    await tabs.context.route(`${app.url}/`, (route) =>
      route.fulfill({ body: old, contentType: 'text/html' }),
    );
    const older = await tabs.open();
    await store(app, range(401, 410));
    await allShow([older], 410);
    await eventually('the late tab shows it too', 30_000, async () => (await late.newest()) === 410);
    const seqs = await late.seqs();
    expect(seqs).toEqual(range(411 - seqs.length, 410).reverse());
    expect(seqs.length).toBeGreaterThanOrEqual(60);
    await tabs.leader();
  });

  test('say in the connection panel which tab reads', async () => {
    await using app = await startApp();
    await using tabs = await openTabs(app, 2);
    const leader = await tabs.leader();
    for (const tab of tabs.all()) {
      await tab.page.keyboard.press('c');
      const reader = tab === leader ? 'this tab' : 'another tab';
      await tab.page.getByRole('definition').filter({ hasText: reader }).waitFor();
    }
  });

  test('have a stream each without Web Locks', async () => {
    await using app = await startApp();
    await store(app, range(1, 5));
    await using tabs = await startTabs(browser, app);
    await tabs.context.addInitScript(() => Reflect.deleteProperty(Navigator.prototype, 'locks'));
    for (let each = 0; each < 3; each += 1) await tabs.open();
    expect((await app.health()).streams).toBe(3);
    await store(app, range(6, 9));
    await allShow(tabs.all(), 9);
  });

  test('have a stream each if locks are refused', async () => {
    await using app = await startApp();
    await store(app, range(1, 5));
    await using tabs = await startTabs(browser, app);
    await tabs.context.addInitScript(() => {
      LockManager.prototype.request = () => Promise.reject(new DOMException('denied', 'SecurityError'));
    });
    for (let each = 0; each < 2; each += 1) await tabs.open();
    expect((await app.health()).streams).toBe(2);
    await store(app, range(6, 9));
    await allShow(tabs.all(), 9);
  });
});

describe('when the leader tab', () => {
  const endings: readonly { readonly how: string; readonly end: (tab: Tab) => Promise<unknown> }[] = [
    { how: 'closed', end: (tab) => tab.page.close() },
    { how: 'navigated away', end: (tab) => tab.page.goto('about:blank') },
    { how: 'crashed', end: (tab) => tab.crash() },
    { how: 'hidden', end: (tab) => tab.setHidden(true) },
    { how: 'frozen', end: (tab) => tab.freeze() },
  ];

  test.each(endings)(
    'is $how, another tab leads at once, and no event is lost or doubled',
    async ({ how, end }) => {
      await using app = await startApp();
      await using tabs = await openTabs(app, 3);
      const leader = await tabs.leader();
      await store(app, range(6, 10));
      const ended = end(leader);
      const following = timeToNextLeader(tabs, leader);
      await store(app, range(11, 20));
      await ended;
      const tookMs = await following;
      console.log(`a leader that was ${how}: the next one after ${Math.round(tookMs)} ms`);
      expect(tookMs).toBeLessThan(limitMs);
      await store(app, range(21, 25));
      const rest = tabs.all().filter((tab) => tab !== leader);
      await allShow(rest, 25);
      if (how === 'hidden') await allShow([leader], 25);
      expect(await tabs.leader()).not.toBe(leader);
    },
  );

  test('hangs, another tab leads, and the old leader follows when it runs again', async () => {
    await using app = await startApp();
    await using tabs = await openTabs(app, 3);
    const leader = await tabs.leader();
    const resume = await leader.hang();
    const tookMs = await timeToNextLeader(tabs, leader);
    console.log(`a leader that hangs: the next one after ${Math.round(tookMs)} ms`);
    expect(tookMs).toBeLessThan(limitMs);
    await store(app, range(6, 10));
    await allShow(
      tabs.all().filter((tab) => tab !== leader),
      10,
    );
    await resume();
    await allShow([leader], 10);
    expect(await tabs.leader()).not.toBe(leader);
  });

  test('changes many times while events arrive and streams end, each tab shows each event once', async () => {
    await using app = await startApp({ STREAM_MAX_SECONDS: '10' });
    await using tabs = await openTabs(app, 6);
    let last = 5;
    const publishMore = async (count: number) => {
      for (let each = 0; each < count; each += 1) {
        last += 1;
        await store(app, [last]);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    };
    for (const act of ['hide', 'close', 'show', 'crash', 'hide', 'open'] as const) {
      const publishing = publishMore(40);
      const leader = await tabs.leader();
      if (act === 'hide') await leader.setHidden(true);
      if (act === 'show') for (const tab of tabs.all()) await tab.setHidden(false);
      if (act === 'close') await leader.page.close();
      if (act === 'crash') await leader.crash();
      if (act === 'open') await tabs.open();
      await publishing;
    }
    const [newest, ...rest] = tabs.all().toReversed();
    await allShow(rest, last);
    expect(await newest?.newest()).toBe(last);
    await tabs.leader();
  });
});
