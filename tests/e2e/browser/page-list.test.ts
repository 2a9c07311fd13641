import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { openLive, readTexts, scrollOn, shows } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

const words = (first: number, last: number) => range(first, last).map((number) => `word ${number}`);
const row = (page: Page, word: string) =>
  page.getByRole('article').filter({ has: page.getByText(word, { exact: true }) });
const jump = (page: Page) => page.getByRole('button', { name: /^\S+ new/ });

/** Publishes `word <first>` to `word <last>`, and waits until the page shows the number of new events. */
async function storeUnseen(page: Page, app: App, first: number, last: number): Promise<void> {
  for (let from = first; from <= last; from += 500) await store(app, words(from, Math.min(last, from + 499)));
  await page.getByRole('button', { name: `${(last - first + 1).toLocaleString('en-US')} new` }).waitFor();
}

/** Records the position of a row in every frame. @returns a function that returns its distances from the top, in px. */
async function watchOffset(page: Page, word: string): Promise<() => Promise<readonly number[]>> {
  const watched = await row(page, word).evaluateHandle((element) => {
    const offsets: number[] = [];
    const record = () => {
      offsets.push(element.getBoundingClientRect().top);
      requestAnimationFrame(record);
    };
    record();
    return offsets;
  });
  return () => watched.jsonValue();
}

function spreadOf(offsets: readonly number[]): number {
  expect(offsets.length).toBeGreaterThan(2);
  return Math.max(...offsets) - Math.min(...offsets);
}

describe('the row that a user reads does not move', () => {
  test.each([10, 200, 1_000])('when the page is scrolled down and %i events arrive', async (count) => {
    await using app = await startApp();
    await store(app, words(1, 50));
    await using open = await openLive(browser, app);
    await open.page.evaluate(() => window.scrollTo(0, 600));
    await row(open.page, 'word 20').evaluate((element) => element.scrollIntoView({ block: 'center' }));
    await eventually('it is scrolled', 30_000, () => open.page.evaluate(() => window.scrollY > 500));
    const offsets = await watchOffset(open.page, 'word 20');
    await storeUnseen(open.page, app, 51, 50 + count);
    expect(spreadOf(await offsets())).toBeLessThan(1);
  });

  test('when it has the focus, also at the top', async () => {
    await using app = await startApp();
    await store(app, words(1, 50));
    await using open = await openLive(browser, app);
    await row(open.page, 'word 50').focus();
    const offsets = await watchOffset(open.page, 'word 50');
    await storeUnseen(open.page, app, 51, 60);
    expect(spreadOf(await offsets())).toBeLessThan(1);
    expect(await open.page.locator('article:focus p').textContent()).toBe('word 50');
  });
});

test('the row that a user reads does not move when older events are loaded below it', async () => {
  await using app = await startApp();
  await store(app, words(1, 400));
  await using open = await openLive(browser, app);
  const gate = Promise.withResolvers<void>();
  await open.page.route('**/api/events?*', async (route) => {
    await gate.promise;
    await route.continue();
  });
  await eventually('the end is visible', 30_000, () => open.page.evaluate(scrollOn));
  const offsets = await watchOffset(open.page, 'word 354');
  gate.resolve();
  await shows(open.page, 'word 345');
  expect(spreadOf(await offsets())).toBeLessThan(1);
});

test.each(['the button', 'the key N'])('%s goes to the new events', async (means) => {
  await using app = await startApp();
  await store(app, words(1, 50));
  await using open = await openLive(browser, app);
  await open.page.mouse.wheel(0, 1_000);
  await eventually('it has scrolled', 30_000, () => open.page.evaluate(() => window.scrollY > 500));
  await storeUnseen(open.page, app, 51, 120);
  await (means === 'the key N' ? open.page.keyboard.press('n') : jump(open.page).click());
  await shows(open.page, 'word 120');
  expect(await open.page.evaluate(() => window.scrollY)).toBe(0);
  expect(await jump(open.page).count()).toBe(0);
});

test('a page that is scrolled down to the end has shown every kept event once, in order', async () => {
  await using app = await startApp();
  await store(app, words(1, 300));
  await store(app, words(301, 400));
  await using open = await openLive(browser, app);
  const seen: string[] = [];
  await eventually('the oldest is reached', 60_000, async () => {
    for (const text of await readTexts(open.page)) if (!seen.includes(text)) seen.push(text);
    await open.page.evaluate(scrollOn);
    return seen.at(-1) === 'word 1';
  });
  expect(await open.page.getByText('The log has no older events.').isVisible()).toBe(true);
  expect(seen).toEqual(words(1, 400).reverse());
  expect(open.seen.errors).toEqual([]);
});

test('the page says that older events could not be loaded, and loads them on a retry', async () => {
  await using app = await startApp();
  await store(app, words(1, 80));
  await using open = await openLive(browser, app);
  await open.page.route('**/api/events?*', (route) => route.abort());
  await open.page.evaluate(() => window.scrollTo(0, 1e6));
  await open.page.getByText('Older events could not be loaded.').waitFor();
  await open.page.unrouteAll();
  await open.page.getByRole('button', { name: 'Try again' }).click();
  await shows(open.page, 'word 30');
});

test('with thousands of events, only those near the visible part are in the page', async () => {
  await using app = await startApp();
  await using open = await openLive(browser, app);
  for (let first = 1; first < 4_000; first += 500) await store(app, words(first, first + 499));
  await shows(open.page, 'word 4000');
  await open.page.getByText('4,000', { exact: true }).first().waitFor();
  expect(await open.page.getByRole('article').count()).toBeLessThan(100);
  const texts = await readTexts(open.page);
  expect(texts).toEqual(words(4_001 - texts.length, 4_000).reverse());
});

test('when the focused row scrolls far away, the list keeps the focus and continues from the visible rows', async () => {
  await using app = await startApp();
  await store(app, words(1, 50));
  await using open = await openLive(browser, app);
  for (let first = 51; first <= 551; first += 500) await store(app, words(first, first + 499));
  await shows(open.page, 'word 1050');
  await row(open.page, 'word 1050').focus();
  await open.page.evaluate(() => window.scrollTo(0, 20_000));
  const list = open.page.locator('[role=feed]:focus');
  await list.waitFor();
  const before = await open.page.evaluate(() => window.scrollY);
  await open.page.keyboard.press('PageDown');
  await open.page.locator('article:focus').waitFor();
  expect(Math.abs((await open.page.evaluate(() => window.scrollY)) - before)).toBeLessThan(400);
});

test('an unfolded text is still unfolded when it comes back into the page', async () => {
  await using app = await startApp();
  await store(app, [...words(1, 100), 'long '.repeat(1_000)]);
  await using open = await openLive(browser, app);
  await open.page.locator('summary').click();
  await open.page.locator('details[open] pre').waitFor();
  await open.page.evaluate(() => window.scrollTo(0, 1e6));
  await eventually('it has left', 30_000, async () => (await open.page.locator('summary').count()) === 0);
  await open.page.evaluate(() => window.scrollTo(0, 0));
  await open.page.locator('details[open] pre').waitFor();
});
