import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { newPage, shows } from '../../support/browser/page-steps.ts';
import { readNextRecipes } from '../../support/docs/next-recipes.ts';
import { type App, listenOn, startAppBy } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { type AppCopy, copyAppToBuild } from '../../support/node/built-copy.ts';
import { store } from '../../support/node/publish.ts';
import { root } from '../../support/root.ts';

/* All recipes for Next.js in one copy of the app, built once, as a reader of docs/recipes.md would have them. */

const webhookSecret = 'webhook-secret-of-the-test';

let browser: Browser;
let copy: AppCopy;
let app: App;

beforeAll(async () => {
  copy = copyAppToBuild(readNextRecipes());
  [browser] = await Promise.all([startChromium(), copy.build({})]);
  app = await startAppBy({
    command: process.execPath,
    args: [join(copy.folder, 'node_modules/next/dist/bin/next'), 'start', ...listenOn(0)],
    env: { GITHUB_WEBHOOK_SECRET: webhookSecret },
    cwd: copy.folder,
  });
}, 300_000);
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  copy[Symbol.dispose]();
  await browser?.close();
});

test('the recipes have no type error in the app that they are added to', async () => {
  writeFileSync(join(copy.folder, 'next-env.d.ts'), '/// <reference types="next" />\n');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '--noEmit'], {
    cwd: copy.folder,
  }).catch((error: { readonly stdout: string }) => error);
  expect(stdout).toBe('');
});

/** The types and the data of all events of a channel. */
async function storedIn(channel: string): Promise<readonly { type: string; data: unknown }[]> {
  const { text } = await ask(app, `/api/events?after=0-0&channel=${channel}`);
  return JSON.parse(text).events.map(({ type, data }: { type: string; data: unknown }) => ({ type, data }));
}

/** Orders an item by the form. */
async function order(page: Page, item: string, click: 'click' | 'dblclick' = 'click'): Promise<void> {
  await page.goto(`${app.url}/orders/new`);
  await page.getByLabel('Item').fill(item);
  await page.getByRole('button')[click]();
  await page.waitForURL('**/?channel=orders');
}

test('a server action publishes its order once, also after a double click', async () => {
  await using opened = await newPage(browser);
  await order(opened.page, 'Tea', 'dblclick');
  await shows(opened.page, 'Tea');
  const orders = (await storedIn('orders')).filter(({ data }) => (data as { item: string }).item === 'Tea');
  expect(orders).toEqual([{ type: 'order.created', data: { id: expect.any(String), item: 'Tea' } }]);
  expect(opened.seen.errors).toEqual([]);
});

test('a page shows the rows of the database and the events after them, each once', async () => {
  await using buyer = await newPage(browser);
  await order(buyer.page, 'Coffee');
  await using seller = await newPage(browser);
  await seller.page.goto(`${app.url}/orders`);
  expect((await ask(app, '/orders')).text).toContain('<li>Coffee</li>');
  await order(buyer.page, 'Juice');
  const items = seller.page.getByRole('listitem');
  await items.filter({ hasText: 'Juice' }).waitFor({ timeout: 30_000 });
  const shown = await items.allTextContents();
  await seller.page.reload();
  await items.filter({ hasText: 'Juice' }).waitFor({ timeout: 30_000 });
  expect(await items.allTextContents()).toEqual(shown);
  expect(new Set(shown).size).toBe(shown.length);
  expect(seller.seen.errors).toEqual([]);
});

test('a job moves its progress bar, and its result is there after a reload', async () => {
  await using opened = await newPage(browser);
  const { page } = opened;
  await page.goto(`${app.url}/import`);
  await page.getByRole('button').click();
  await page.getByRole('progressbar').waitFor({ timeout: 30_000 });
  const values = await page.evaluate(recordProgress);
  expect(values.length).toBeGreaterThan(2);
  expect(values).toEqual(values.toSorted((a, b) => a - b));
  await page.getByText('300 rows imported').waitFor({ timeout: 30_000 });
  await page.reload();
  await page.getByText('300 rows imported').waitFor({ timeout: 30_000 });
  expect(opened.seen.errors).toEqual([]);
});

/** Runs in the page: the values that the bar shows, until it is gone. */
async function recordProgress(): Promise<readonly number[]> {
  const values: number[] = [];
  for (;;) {
    const bar = document.querySelector('progress');
    if (bar === null) return values;
    if (values.at(-1) !== bar.position) values.push(bar.position);
    await new Promise(requestAnimationFrame);
  }
}

const payload = JSON.stringify({
  action: 'opened',
  repository: { full_name: 'me/app' },
  sender: { login: 'ann' },
});
const signatureOf = (body: string, secret = webhookSecret) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

/** Sends a webhook as GitHub does. */
async function sendWebhook(signature: string | null, delivery: string): Promise<number> {
  const headers = {
    'content-type': 'application/json',
    'x-github-event': 'issues',
    'x-github-delivery': delivery,
    ...(signature !== null && { 'x-hub-signature-256': signature }),
  };
  return (await ask(app, '/api/github', { method: 'POST', headers, body: payload })).status;
}

test('a webhook of GitHub becomes one event, however often it is delivered', async () => {
  expect(await sendWebhook(signatureOf(payload), 'one')).toBe(204);
  expect(await sendWebhook(signatureOf(payload), 'one')).toBe(204);
  expect(await sendWebhook(signatureOf(payload), 'two')).toBe(204);
  const event = { type: 'github.issues', data: { action: 'opened', repository: 'me/app', by: 'ann' } };
  expect(await storedIn('github')).toEqual([event, event]);
});

test.each([
  ['none', null],
  ['one of another secret', signatureOf(payload, 'another')],
  ['one of another body', signatureOf(`${payload} `)],
  ['one that is too short', signatureOf(payload).slice(0, -1)],
])('a webhook with a wrong signature is refused: %s', async (name, signature) => {
  const before = await storedIn('github');
  expect(await sendWebhook(signature, name)).toBe(401);
  expect(await storedIn('github')).toEqual(before);
});

test('a plain HTML page shows the newest events, and each new one', async () => {
  await store(app, ['before']);
  await using opened = await newPage(browser);
  await opened.page.goto(`${app.url}/live.html`);
  await opened.page.getByText('message: "before"').waitFor({ timeout: 30_000 });
  await store(app, ['after']);
  await opened.page.getByText('message: "after"').waitFor({ timeout: 30_000 });
  expect(await opened.page.getByRole('listitem').allTextContents()).toEqual([
    'message: "after"',
    'message: "before"',
  ]);
  expect(opened.seen.errors).toEqual([]);
});
