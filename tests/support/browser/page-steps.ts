import { brotliCompressSync } from 'node:zlib';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { App } from '../node/app-process.ts';
import { type Shown, type Watch, watch } from './chromium.ts';

/** An open page and its record. It ends with its scope (`await using`). */
export type OpenPage = AsyncDisposable & { readonly page: Page; readonly seen: Watch };

/** Options of a page that the browser can draw quickly. Its 20 newest rows are in the page. */
export const quickToDraw = { viewport: { width: 480, height: 1_000 }, reducedMotion: 'reduce' } as const;

/** Opens an empty page, in a time zone and a locale that differ from the server's. */
export async function newPage(browser: Browser, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: 'de-DE', timezoneId: 'Asia/Kathmandu', ...options });
  const page = await context.newPage();
  return { page, seen: await watch(page), [Symbol.asyncDispose]: () => context.close() };
}

/** Opens the feed page and waits until it is live. */
export async function openLive(
  browser: Browser,
  app: Pick<App, 'url'>,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const open = await newPage(browser, options);
  await open.page.goto(app.url);
  await hasStatus(open.page, 'Live');
  return open;
}

/** Waits until the status of the page contains `word`. */
export async function hasStatus(page: Page, word: string): Promise<void> {
  await page.getByRole('status').filter({ hasText: word }).waitFor({ timeout: 30_000 });
}

/** Waits until an article of the list contains `text`. */
export async function shows(page: Page, text: string): Promise<void> {
  await page.getByRole('article').filter({ hasText: text }).first().waitFor({ timeout: 30_000 });
}

/** The texts of the list, newest first: each event, and each gap. */
export function readTexts(page: Page): Promise<string[]> {
  return page.locator('article p').allTextContents();
}

/** The seqs of the events that are in the page now, from the top. */
export function readSeqs(page: Page): Promise<readonly number[]> {
  return page
    .locator('article [title^="id "]')
    .evaluateAll((marks) => marks.map((mark) => Number(mark.getAttribute('title')?.split('-')[1])));
}

/** Runs in the page: records layout shifts, except in the header, whose text changes with the status. */
export function recordShifts(): void {
  const recorder = globalThis as unknown as { moved: (string | null)[] };
  recorder.moved = [];
  type Shift = PerformanceEntry & { readonly sources: readonly { readonly node: Node | null }[] };
  new PerformanceObserver((list) => {
    for (const { node } of list.getEntries().flatMap((entry) => (entry as Shift).sources)) {
      if (!node?.parentElement?.closest('header')) recorder.moved.push(node?.textContent ?? null);
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

/** The layout shifts that `recordShifts` has recorded. */
export function shiftsOf(page: Page): Promise<readonly (string | null)[]> {
  return page.evaluate(() => (globalThis as unknown as { moved: (string | null)[] }).moved);
}

/**
 * Reads the whole list. It scrolls from the top to the end, because only the rows near the visible part are in the
 * page.
 * @throws Error if an event is in it twice.
 */
export async function readWhole(page: Page): Promise<readonly Shown[]> {
  await page.evaluate(() => window.scrollTo(0, 0));
  const read = new Map<string, Shown>();
  for (let isEnd = false; !isEnd; ) {
    const rows = await page.locator('article:has([title^="id "])').evaluateAll(readRows);
    if (new Set(rows.map(({ id }) => id)).size < rows.length) throw new Error('an event is shown twice');
    for (const row of rows) read.set(row.id, row);
    isEnd = await page.evaluate(scrollOn);
  }
  return [...read.values()];
}

/** Runs in the page: reads its rows. */
function readRows(rows: Element[]): Shown[] {
  return rows.map((row) => ({
    id: row.querySelector('[title^="id "]')?.getAttribute('title')?.slice(3) ?? '',
    text: row.querySelector('p')?.textContent ?? '',
  }));
}

/** Runs in the page: scrolls by less than a screen and waits for the next frame. @returns whether it is at the end. */
export async function scrollOn(): Promise<boolean> {
  const before = window.scrollY;
  window.scrollBy(0, 600);
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return window.scrollY === before;
}

/** The scripts that a page has loaded so far: their addresses, their text, and their KB as this server sends them, and as a CDN would with Brotli. */
export async function scriptsOf(page: Page) {
  const loaded = await page.evaluate(() =>
    performance
      .getEntriesByType('resource')
      .filter(({ name }) => new URL(name).pathname.endsWith('.js'))
      .map((entry) => ({ url: entry.name, bytes: (entry as PerformanceResourceTiming).encodedBodySize })),
  );
  const texts = await Promise.all(loaded.map(async ({ url }) => (await fetch(url)).text()));
  return {
    urls: loaded.map(({ url }) => url),
    text: texts.join('\n'),
    gzip: loaded.reduce((sum, { bytes }) => sum + bytes, 0) / 1_000,
    brotli: texts.reduce((sum, text) => sum + brotliCompressSync(text).length, 0) / 1_000,
  };
}
