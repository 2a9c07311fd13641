import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import type { App } from '../platform/app-process.ts';
import { type Watch, watch } from './chromium.ts';

/** A page that is open, and what it showed. Ends with the scope that holds it by `await using`. */
export type OpenPage = AsyncDisposable & { readonly page: Page; readonly seen: Watch };

/** Opens a page that nobody has gone to yet, far from the server's own zone and locale. */
export async function newPage(browser: Browser, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: 'de-DE', timezoneId: 'Asia/Kathmandu', ...options });
  const page = await context.newPage();
  return { page, seen: await watch(page), [Symbol.asyncDispose]: () => context.close() };
}

/** Opens the feed page and waits until it is live. */
export async function openLive(
  browser: Browser,
  app: App,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const open = await newPage(browser, options);
  await open.page.goto(app.url);
  await hasStatus(open.page, 'Live');
  return open;
}

/** Waits until the page says what it is doing with this word. */
export async function hasStatus(page: Page, word: string): Promise<void> {
  await page.getByRole('status').filter({ hasText: word }).waitFor({ timeout: 30_000 });
}

/** Waits until an article of the list says `text`. */
export async function shows(page: Page, text: string): Promise<void> {
  await page.getByRole('article').filter({ hasText: text }).first().waitFor({ timeout: 15_000 });
}

/** The list as a reader sees it, newest on top: each event's text, and the words of each gap. */
export function readTexts(page: Page): Promise<string[]> {
  return page.locator('article p').allTextContents();
}
