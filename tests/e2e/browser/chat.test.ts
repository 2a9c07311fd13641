import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { newPage } from '../../support/browser/page-steps.ts';
import type { App } from '../../support/node/app-process.ts';
import type { AppCopy } from '../../support/node/built-copy.ts';
import { copyChatApp } from '../../support/node/chat-app.ts';
import { eventually } from '../../support/node/eventually.ts';

/* The chat of docs/recipes.md, built as its reader would have it, with the model of the recipe: it says 1 to 200, in 10 s. */

const numbers = Array.from({ length: 200 }, (_, index) => index + 1);
const waitOptions = { timeout: 60_000 };

let browser: Browser;
let copy: AppCopy;
let app: App;

beforeAll(async () => {
  copy = await copyChatApp();
  [browser] = await Promise.all([startChromium(), copy.build({})]);
  // A stream ends after 4 s: each answer is handed over twice.
  app = await copy.start({ STREAM_MAX_SECONDS: '5' });
}, 600_000);
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  copy?.[Symbol.dispose]();
  await browser?.close();
});

test('the files of the chat have no type error in the app that they are added to', async () => {
  expect(await copy.typeErrors()).toBe('');
});

/** Opens a chat of its own, and asks. */
async function ask(page: Page): Promise<void> {
  await page.goto(`${app.url}/chat`);
  await page.getByLabel('Question').fill('Count.');
  await page.getByRole('button', { name: 'Ask' }).click();
  await answerOf(page, '1 2 3 ').waitFor(waitOptions);
}

/** The message of the model, when it contains this text. */
const answerOf = (page: Page, text: string) => page.locator('p').filter({ hasText: `Model: ${text}` });

/** The numbers that the model has said on this page. */
async function said(page: Page): Promise<readonly number[]> {
  const texts = await answerOf(page, '').allTextContents();
  return texts.flatMap((text) => text.replace('Model: ', '').trim().split(' ').filter(Boolean).map(Number));
}

async function saysAll(page: Page): Promise<void> {
  await page.locator('p').filter({ hasText: '199 200' }).waitFor(waitOptions);
  expect(await said(page)).toEqual(numbers);
  await page.getByRole('button', { name: 'Ask' }).and(page.locator(':enabled')).waitFor(waitOptions);
}

test.concurrent('a reload in the middle of the answer costs no token, and shows none twice', async () => {
  await using opened = await newPage(browser);
  const { page } = opened;
  await ask(page);
  await page.reload();
  await page.locator('p').filter({ hasText: 'You: Count.' }).waitFor(waitOptions);
  await saysAll(page);
  await page.reload();
  expect(await said(page)).toEqual(numbers);
});

test.concurrent('a second tab shows the same answer from its first token', async () => {
  await using opened = await newPage(browser);
  await ask(opened.page);
  const second = await opened.page.context().newPage();
  await second.goto(opened.page.url());
  await Promise.all([saysAll(opened.page), saysAll(second)]);
});

test.concurrent('a page that loses its network gets the rest of the answer', async () => {
  await using opened = await newPage(browser);
  const { page } = opened;
  await ask(page);
  await page.context().setOffline(true);
  await page.waitForTimeout(3_000);
  await page.context().setOffline(false);
  await saysAll(page);
});

test.concurrent('Stop ends the answer in every tab, and it stays so after a reload', async () => {
  await using opened = await newPage(browser);
  const { page } = opened;
  await ask(page);
  const second = await page.context().newPage();
  await second.goto(page.url());
  await answerOf(second, '1 2 3 ').waitFor(waitOptions);
  await second.getByRole('button', { name: 'Stop' }).click();
  for (const tab of [page, second])
    await tab.getByRole('button', { name: 'Ask' }).and(tab.locator(':enabled')).waitFor(waitOptions);
  const kept = await said(page);
  expect(kept.length).toBeLessThan(200);
  expect(await said(second)).toEqual(kept);
  await page.reload();
  await eventually('the reloaded page shows the stopped answer', 30_000, async () =>
    (await said(page)).length > 0 ? true : undefined,
  );
  expect(await said(page)).toEqual(kept);
});
