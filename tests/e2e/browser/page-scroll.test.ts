import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { type OpenPage, openLive } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

const phone = { viewport: { width: 400, height: 600 } } as const;
const words = (first: number, last: number) => range(first, last).map((number) => `word ${number}`);

/** Opens a page with 50 events on a phone, and scrolls to the middle of them. */
async function openInTheMiddle(app: App, options: BrowserContextOptions = phone): Promise<OpenPage> {
  await store(app, words(1, 50));
  const open = await openLive(browser, app, options);
  await open.page.evaluate(() => window.scrollTo(0, 1_200));
  await eventually('it is scrolled', 30_000, () => open.page.evaluate(() => window.scrollY > 1_000));
  return open;
}

const newEvents = (page: Page, count: number) =>
  page.getByRole('button', { name: `${count} new` }).waitFor({ timeout: 30_000 });

/** Runs in the page: scrolls up step by step. @returns how far a visible row was from where the scroll should move it, in px. */
async function scrollUp(stepPx: number): Promise<readonly number[]> {
  const errors: number[] = [];
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  while (window.scrollY > 4 * stepPx && errors.length < 200) {
    const rows = [...document.querySelectorAll('[role=feed] > article')];
    const row = rows.find((each) => each.getBoundingClientRect().top > 150);
    const before = row?.getBoundingClientRect().top ?? Number.NaN;
    window.scrollBy({ top: -stepPx, behavior: 'instant' });
    await frame();
    errors.push((row?.isConnected ? row.getBoundingClientRect().top : Number.NaN) - before - stepPx);
  }
  return errors;
}

/** Runs in the page: the index of a row in the middle of the window. */
function indexOfVisible(): number {
  const rows = [...document.querySelectorAll<HTMLElement>('[role=feed] > article')];
  return Number(rows.find((row) => row.getBoundingClientRect().bottom > 300)?.dataset.index ?? -1);
}

/** Runs in the page: whether its rows have two lines. */
function isRowHigh(): boolean {
  return (document.querySelector('[role=feed] > article')?.getBoundingClientRect().height ?? 0) > 48;
}

/** Runs in the page: a finger touches the first row in the page, or leaves it. `fingers`: how many are on the page then. */
function touch({ kind, fingers }: { readonly kind: string; readonly fingers: number }): void {
  window.touched ??= document.querySelector('[role=feed] > article');
  const touches = Array.from({ length: fingers }, () => ({}));
  window.touched?.dispatchEvent(Object.assign(new Event(kind, { bubbles: true }), { touches }));
}

declare global {
  interface Window {
    /** The row that was touched first. */
    touched?: Element | null;
  }
}

test('rows of unknown height above the reader do not make the list jump when they come into view', async () => {
  await using app = await startApp();
  await using open = await openInTheMiddle(app);
  const longer = range(51, 250).map((number) => `word ${number} `.repeat(1 + ((number * 7) % 40)));
  await store(app, longer);
  await newEvents(open.page, 200);
  const errors = await open.page.evaluate(scrollUp, 150);
  expect(errors.length).toBeGreaterThan(20);
  expect(Math.max(...errors.map(Math.abs))).toBeLessThan(1);
});

test('a reader far down stays at its row when the window becomes narrow, and the rows higher', async () => {
  await using app = await startApp();
  await store(app, words(1, 1));
  await using open = await openLive(browser, app, { viewport: { width: 1_000, height: 600 } });
  const { page } = open;
  await store(app, words(2, 400));
  const visible = () => page.evaluate(indexOfVisible);
  await eventually('the list ends where its last row is', 30_000, async () => {
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    return (await visible()) > 350;
  });
  await page.evaluate(() => window.scrollBy({ top: -1_000, behavior: 'instant' }));
  await eventually('the reader is in the middle of rows', 30_000, async () => (await visible()) < 390);
  const before = await visible();
  await page.setViewportSize({ width: 400, height: 600 });
  await eventually('the rows are those of a phone', 30_000, () => page.evaluate(isRowHigh));

  expect(Math.abs((await visible()) - before)).toBeLessThan(8);
});

test('at a zoom of 110 % the reader stays where it is while one event after the other comes', async () => {
  await using app = await startApp();
  await using open = await openInTheMiddle(app, { ...phone, deviceScaleFactor: 1.1 });
  const row = open.page.getByRole('article').filter({ has: open.page.getByText('word 20', { exact: true }) });
  const top = () => row.evaluate((it) => it.getBoundingClientRect().top);
  const before = await top();
  for (const number of range(51, 80)) {
    await store(app, [`word ${number}`]);
    await newEvents(open.page, number - 50);
  }
  expect(Math.abs((await top()) - before)).toBeLessThan(1.5);
});

test('while one of two fingers is on the page, the list waits with new events; then they come, and the reader is where it was', async () => {
  await using app = await startApp();
  await using open = await openInTheMiddle(app);
  const row = open.page.getByRole('article').filter({ has: open.page.getByText('word 20', { exact: true }) });
  const read = () => row.evaluate((it) => ({ index: it.dataset.index, top: it.getBoundingClientRect().top }));
  const before = await read();
  await open.page.evaluate(touch, { kind: 'touchstart', fingers: 2 });
  await store(app, words(51, 60));
  await newEvents(open.page, 10);
  expect(await read()).toEqual(before);
  await open.page.evaluate(touch, { kind: 'touchend', fingers: 1 });
  // Longer than the list waits after a touch.
  await open.page.waitForTimeout(600);
  expect(await read()).toEqual(before);
  await open.page.evaluate(touch, { kind: 'touchend', fingers: 0 });
  await eventually('the new events are above it', 30_000, async () => (await read()).index === '40');
  expect((await read()).top).toBeCloseTo(before.top, 0);
});

test('the list goes on after a touch that began on a row which has left the page', async () => {
  await using app = await startApp();
  await using open = await openInTheMiddle(app);
  await store(app, words(51, 150));
  await newEvents(open.page, 100);
  await open.page.evaluate(touch, { kind: 'touchstart', fingers: 1 });
  await open.page.evaluate(() => window.scrollTo(0, 100));
  await eventually('the row is gone', 30_000, () =>
    open.page.evaluate(() => window.touched?.isConnected === false),
  );
  await open.page.evaluate(touch, { kind: 'touchend', fingers: 0 });
  await store(app, words(151, 151));
  await open.page.getByText('word 151', { exact: true }).waitFor({ state: 'attached', timeout: 5_000 });
});
