import { execFile } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildClient } from '../../../scripts/build-client.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import {
  type FrameworkPages,
  frameworks,
  startFrameworkPages,
} from '../../support/browser/framework-pages.ts';
import { newPage, type OpenPage } from '../../support/browser/page-steps.ts';
import { readNextRecipes } from '../../support/docs/next-recipes.ts';
import type { App } from '../../support/node/app-process.ts';
import { type Answer, ask } from '../../support/node/ask.ts';
import { type AppCopy, copyAppToBuild } from '../../support/node/built-copy.ts';
import { store } from '../../support/node/publish.ts';
import { secrets } from '../../support/node/secrets.ts';

/* All recipes for Next.js in one copy of the app, built once, as a reader of docs/recipes.md would have them. */

const webhookSecret = 'webhook-secret-of-the-test';
const waitOptions = { timeout: 30_000 };

/** A job whose first event is older than all pages of the tests. */
const firstJob = randomUUID();
/** A job that has begun, and does not go on. */
const silentJob = randomUUID();

let browser: Browser;
let copy: AppCopy;
let app: App;
/** The same build, with private channels. */
let privateApp: App;
let pages: FrameworkPages;
/** The answer about the silent job. It takes 25 s, in which the tests run. */
let stillRuns: Promise<Answer>;
/** The page of the silent job. */
let silent: OpenPage;
/** The pages of two jobs that the form has started: of a good file, and of a broken one. They take 20 s and 8 s. */
let good: OpenPage;
let broken: OpenPage;

beforeAll(async () => {
  copy = copyAppToBuild(readNextRecipes());
  [browser, pages] = await Promise.all([
    startChromium(),
    startFrameworkPages(buildClient),
    buildClient(join(copy.folder, 'public')),
    copy.build({}),
  ]);
  [app, privateApp] = await Promise.all([
    copy.start({ GITHUB_WEBHOOK_SECRET: webhookSecret, ALLOWED_ORIGINS: pages.origin }),
    copy.start({ READ_TOKEN_SECRET: secrets.readSecret }),
  ]);
  await storeOfJob(firstJob, 'job.progress', { step: 'Checking', done: 25, rows: 100 });
  await storeOfJob(silentJob, 'job.progress', { step: 'Checking', done: 1, rows: 2 });
  silent = await newPage(browser);
  await silent.page.goto(`${app.url}/import?job=${silentJob}`);
  good = await startJob('Import');
  broken = await startJob('Import a broken file');
  stillRuns = ask(app, `/api/jobs/${silentJob}`, { signal: AbortSignal.timeout(120_000) });
  // The last test reads it. If another test fails, nobody does.
  stillRuns.catch(() => undefined);
}, 600_000);
afterAll(async () => {
  await Promise.all([silent, good, broken, app, privateApp].map((each) => each?.[Symbol.asyncDispose]()));
  copy[Symbol.dispose]();
  pages?.[Symbol.dispose]();
  await browser?.close();
});

test('the recipes have no type error in the app that they are added to', async () => {
  expect(await copy.typeErrors()).toBe('');
});

/** The types and the data of all events of a channel. */
async function storedIn(channel: string): Promise<readonly { type: string; data: unknown }[]> {
  const { text } = await ask(app, `/api/events?after=0-0&limit=500&channel=${channel}`);
  return JSON.parse(text).events.map(({ type, data }: { type: string; data: unknown }) => ({ type, data }));
}

/** Orders an item by the form. */
async function order(page: Page, item: string, click: 'click' | 'dblclick' = 'click'): Promise<void> {
  await page.goto(`${app.url}/orders/new`);
  await page.getByLabel('Item').fill(item);
  await page.getByRole('button')[click]();
  await page.waitForURL('**/orders');
}

test('a server action publishes its order once, also after a double click', async () => {
  await using opened = await newPage(browser);
  await order(opened.page, 'Tea', 'dblclick');
  await opened.page.getByRole('listitem').filter({ hasText: 'Tea' }).waitFor(waitOptions);
  const orders = (await storedIn('public:orders')).filter(
    ({ data }) => (data as { item: string }).item === 'Tea',
  );
  expect(orders).toEqual([{ type: 'order.created', data: { id: expect.any(String), item: 'Tea' } }]);
  expect(opened.seen.errors).toEqual([]);
});

test.each([true, false])(
  'an order with wrong data is refused in the form, and not saved (JavaScript: %s)',
  async (javaScriptEnabled) => {
    await using opened = await newPage(browser, { javaScriptEnabled });
    const { page } = opened;
    const before = [await storedIn('public:orders'), (await ask(app, '/orders')).text.match(/<li>/g)?.length];
    await page.goto(`${app.url}/orders/new`);
    await page.getByLabel('Item').fill(' ');
    await page.getByRole('button').click();
    await page.getByRole('alert').filter({ hasText: 'Name an item.' }).waitFor(waitOptions);
    expect([
      await storedIn('public:orders'),
      (await ask(app, '/orders')).text.match(/<li>/g)?.length,
    ]).toEqual(before);

    const item = `Cake ${javaScriptEnabled}`;
    await page.getByLabel('Item').fill(` ${item}`);
    await page.getByRole('button').click();
    await page.waitForURL('**/orders');
    expect((await ask(app, '/orders')).text).toContain(`<li>${item}</li>`);
    expect((await storedIn('public:orders')).at(-1)?.data).toEqual({ id: expect.any(String), item });
  },
);

test('a page shows the rows of the database and the events after them, each once', async () => {
  await using buyer = await newPage(browser);
  await order(buyer.page, 'Coffee');
  await using seller = await newPage(browser);
  await seller.page.goto(`${app.url}/orders`);
  expect((await ask(app, '/orders')).text).toContain('<li>Coffee</li>');
  await order(buyer.page, 'Juice');
  const items = seller.page.getByRole('listitem');
  await items.filter({ hasText: 'Juice' }).waitFor(waitOptions);
  const shown = await items.allTextContents();
  await seller.page.reload();
  await items.filter({ hasText: 'Juice' }).waitFor(waitOptions);
  expect(await items.allTextContents()).toEqual(shown);
  expect(new Set(shown).size).toBe(shown.length);
  expect(seller.seen.errors).toEqual([]);
});

/** Opens the notifications as a user who has signed in. */
async function openAs(user: string) {
  const opened = await newPage(browser);
  await opened.page.context().addCookies([{ name: 'user', value: user, url: privateApp.url }]);
  const stream = opened.page.waitForRequest(/\/api\/stream/, waitOptions);
  await opened.page.goto(`${privateApp.url}/notifications`);
  const authorization = (await (await stream).allHeaders()).authorization ?? '';
  return { ...opened, authorization };
}

test('a notification reaches its user alone', async () => {
  await using ann = await openAs('ann');
  await using bob = await openAs('bob');
  const send = async ({ page }: OpenPage, to: string, text: string) => {
    await page.getByLabel('To').fill(to);
    await page.getByLabel('Text').fill(text);
    await page.getByRole('button').click();
  };
  const list = ({ page }: OpenPage) => page.getByRole('listitem');
  await send(ann, 'bob', 'Hello');
  await list(bob).filter({ hasText: 'ann: Hello' }).waitFor(waitOptions);
  await send(bob, 'ann', 'Hi');
  await list(ann).filter({ hasText: 'bob: Hi' }).waitFor(waitOptions);
  expect([await list(ann).allTextContents(), await list(bob).allTextContents()]).toEqual([
    ['bob: Hi'],
    ['ann: Hello'],
  ]);
  expect([...ann.seen.errors, ...bob.seen.errors]).toEqual([]);

  const ofBob = '/api/events?channel=user.bob.notifications&rewind=1';
  const as = async (headers: Readonly<Record<string, string>>) =>
    (await ask(privateApp, ofBob, { headers })).status;
  expect(await as({ authorization: bob.authorization })).toBe(200);
  expect(await as({ authorization: ann.authorization })).toBe(403);
  expect(await as({})).toBe(401);
});

test('who is not signed in sees no notifications', async () => {
  expect((await ask(privateApp, '/notifications')).text).toContain('Sign in to see your notifications.');
});

/** Starts a job by a button of the form, and waits for its page. */
async function startJob(button: string): Promise<OpenPage> {
  const opened = await newPage(browser);
  await opened.page.goto(`${app.url}/import`);
  await opened.page.getByRole('button', { name: button, exact: true }).click();
  await opened.page.waitForURL('**/import?job=*', waitOptions);
  return opened;
}

const idOfJob = ({ page }: OpenPage) => new URL(page.url()).searchParams.get('job');

/** A job that throws: its number of rows is no `number`. It prints the event that the job has left. */
const failingJob = `import { runImport } from '../lib/import-job.ts';
import { collectFeed } from '../lib/server/read-feed.ts';

await runImport('public:job.failing', 1n as never, 'good');
const channels = ['public:job.failing'];
const { last } = await collectFeed({ channels, rewind: 'all', until: () => true, timeoutMs: 30_000 });
console.log(JSON.stringify([last?.type, last?.data]));
`;

/** Publishes an event of a job. */
async function storeOfJob(id: string, type: string, data: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secrets.publishToken}` };
  const body = JSON.stringify({ channel: `public:job.${id}`, type, data });
  expect((await ask(app, '/api/events', { method: 'POST', headers, body })).status).toBe(201);
}

test('a progress bar shows how far its job is, also one that began long before', async () => {
  await using opened = await newPage(browser);
  const { page } = opened;
  const shows = (position: number) =>
    page.waitForFunction(
      (wanted) => document.querySelector('progress')?.position === wanted,
      position,
      waitOptions,
    );
  await page.goto(`${app.url}/import?job=${firstJob}`);
  await shows(0.25);
  await storeOfJob(firstJob, 'job.progress', { step: 'Saving', done: 50, rows: 100 });
  await shows(0.5);
  await page.getByText('Saving: 50 of 100 rows').waitFor(waitOptions);
  await storeOfJob(firstJob, 'job.done', { rows: 100 });
  await page.getByText('100 rows imported').waitFor(waitOptions);
  expect(opened.seen.errors).toEqual([]);
});

/** Publishes an event about a subject. */
async function storeAbout(channel: string, type: string, subject: string, data: unknown, more: object = {}) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secrets.publishToken}` };
  const body = JSON.stringify({ channel, type, subject, data, ...more });
  return (await ask(app, '/api/events', { method: 'POST', headers, body })).status;
}

test('everyone sees who is here, and a hidden page sends no heartbeat', async () => {
  const open = async (user: string) => {
    const opened = await newPage(browser);
    await opened.page.context().addCookies([{ name: 'user', value: user, url: app.url }]);
    await opened.page.goto(`${app.url}/who`);
    return opened;
  };
  await using ann = await open('ann');
  await using bob = await open('bob');
  for (const { page } of [ann, bob])
    for (const name of ['ann', 'bob'])
      await page.getByRole('listitem').filter({ hasText: name }).waitFor(waitOptions);
  const { text } = await ask(app, '/api/events?latest&channel=public:who');
  for (const { time, expiresAt } of JSON.parse(text).events) expect(expiresAt - time).toBe(45_000);

  const beats: string[] = [];
  bob.page.on('request', (request) => void (request.method() === 'POST' && beats.push(request.url())));
  const become = (state: string) =>
    bob.page.evaluate((visibility) => {
      Object.defineProperty(document, 'visibilityState', { value: visibility, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  await become('hidden');
  await become('hidden');
  await Promise.all([
    bob.page.waitForRequest((each) => each.method() === 'POST', waitOptions),
    become('visible'),
  ]);
  expect(beats).toHaveLength(1);
  expect([...ann.seen.errors, ...bob.seen.errors]).toEqual([]);
});

test('a dashboard has one row for each host, with its latest value', async () => {
  await storeAbout('public:hosts', 'host.load', 'host-1', { load: 0.5 });
  await storeAbout('public:hosts', 'host.load', 'host-2', { load: 1.25 });
  expect((await ask(app, '/dashboard')).text).toContain('host-2');
  await using opened = await newPage(browser);
  const { page } = opened;
  await page.goto(`${app.url}/dashboard`);
  const row = (host: string, load: string) =>
    page.getByRole('row', { name: new RegExp(`^${host} ${load} `) });
  await row('host-1', '0.50').waitFor(waitOptions);
  await storeAbout('public:hosts', 'host.load', 'host-1', { load: 0.75 });
  await row('host-1', '0.75').waitFor(waitOptions);
  await row('host-2', '1.25').waitFor(waitOptions);
  await storeAbout('public:hosts', 'message', 'host-2', null, { remove: true });
  expect((await ask(app, '/dashboard')).text).not.toContain('host-2');
  expect(opened.seen.errors).toEqual([]);
});

test('a log that ends says so, and its page asks for nothing after that', async () => {
  await using opened = await newPage(browser);
  const { page } = opened;
  await page.goto(`${app.url}/logs`);
  await page.getByRole('button').click();
  await page.waitForURL('**/logs?job=*', waitOptions);
  await page.getByText('The job is over.').waitFor(waitOptions);
  const log = await page.getByLabel('Log').textContent();
  expect(log?.trim().split('\n')).toEqual([
    'Waiting …',
    'Install …',
    'Check …',
    'Build …',
    'Deploy …',
    'Done.',
  ]);
  const asked: string[] = [];
  page.on('request', (request) => void (request.url().includes('/api/') && asked.push(request.url())));
  await page.reload();
  await page.getByText('The job is over.').waitFor(waitOptions);
  expect(await page.getByLabel('Log').textContent()).toBe(log);
  expect(asked).toEqual([]);
  const channel = `public:log.${new URL(page.url()).searchParams.get('job')}`;
  expect(await storeAbout(channel, 'log.line', 'x', { text: 'more' })).toBe(409);
  expect(opened.seen.errors).toEqual([]);
});

test('the job that the form starts publishes its progress and its end', async () => {
  await good.page.getByText('2000 rows imported').waitFor({ timeout: 120_000 });
  const events = await storedIn(`public:job.${idOfJob(good)}`);
  expect(events.at(-1)).toEqual({ type: 'job.done', data: { rows: 2000 } });
  const progress = events.slice(0, -1).map(({ data }) => data as { step: string; done: number });
  const counts = progress.map(({ done }) => done);
  expect(counts[0]).toBe(0);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect([...new Set(progress.map(({ step }) => step))]).toEqual(['Waiting', 'Checking', 'Saving']);
  expect(good.seen.errors).toEqual([]);
});

test('a job that fails leaves its bar on the page, with the reason and a way to start again, also after a reload', async () => {
  const { page } = broken;
  const reason = page.getByRole('alert').filter({ hasText: 'Row 800 has no price.' });
  for (const reload of [false, true]) {
    if (reload) await page.reload();
    await reason.waitFor({ timeout: 90_000 });
    await page.getByText(/Checking: \d+ of 2000 rows/).waitFor(waitOptions);
    expect(await page.getByRole('progressbar', { name: 'Import' }).getAttribute('max')).toBe('2000');
  }
  expect(JSON.parse((await ask(app, `/api/jobs/${idOfJob(broken)}`)).text)).toEqual({
    status: 'failed',
    error: 'Row 800 has no price.',
  });
  await page.getByRole('link', { name: 'Start again' }).click();
  await page.getByRole('button', { name: 'Import', exact: true }).waitFor(waitOptions);
  expect(broken.seen.errors).toEqual([]);
});

test('a request for the result of a job gets it when the job is done, and at once when it was done before', async () => {
  const id = randomUUID();
  const askForResult = async () => {
    const { status, text } = await ask(app, `/api/jobs/${id}`);
    return [status, JSON.parse(text)];
  };
  await storeOfJob(id, 'job.progress', { step: 'Checking', done: 1, rows: 7 });
  const waiting = askForResult();
  await storeOfJob(id, 'job.done', { rows: 7 });
  expect(await waiting).toEqual([200, { status: 'done', rows: 7 }]);
  expect(await askForResult()).toEqual([200, { status: 'done', rows: 7 }]);
});

test('the page and the route of a job say that it has failed', async () => {
  const id = randomUUID();
  await storeOfJob(id, 'job.progress', { step: 'Checking', done: 1, rows: 7 });
  await using opened = await newPage(browser);
  await opened.page.goto(`${app.url}/import?job=${id}`);
  const waiting = ask(app, `/api/jobs/${id}`);
  await storeOfJob(id, 'job.failed', { error: 'Row 2 is empty.' });
  await opened.page.getByRole('alert').filter({ hasText: 'Row 2 is empty.' }).waitFor(waitOptions);
  const { status, text } = await waiting;
  expect([status, JSON.parse(text)]).toEqual([200, { status: 'failed', error: 'Row 2 is empty.' }]);
  expect(opened.seen.errors).toEqual([]);
});

test('a job that throws publishes that it has failed, without the text of its error', async () => {
  const script = join(copy.folder, 'scripts/failing-job.ts');
  writeFileSync(script, failingJob);
  const env = { ...process.env, FEED_DB: join(copy.folder, 'failing-job.db') };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script], { cwd: copy.folder, env });
  expect(JSON.parse(stdout)).toEqual(['job.failed', { error: 'The import failed.' }]);
  expect(stderr).toContain('Cannot mix BigInt');
}, 60_000);

test.each([
  ['a wrong one', 'none', '?job=none'],
  ['one that no job has', randomUUID(), `?job=${randomUUID()}`],
  ['two', 'a%2Fb', '?job=a&job=b'],
])('the page and the route say at once that there is no job with this id: %s', async (_, id, query) => {
  const answer = await ask(app, `/api/jobs/${id}`);
  expect([answer.status, answer.text]).toEqual([404, '{"error":"There is no such job."}']);
  const page = await ask(app, `/import${query}`);
  expect(page.text).toContain('<p role="alert">There is no such job.</p>');
  expect(page.text).not.toContain('valid name');
});

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

const plainPages = [
  ['a native EventSource', '/live.html', 'message: '],
  ['the built client', '/live-client.html', ''],
] as const;

test.each(plainPages)(
  'a plain HTML page with %s shows the newest events, and each new one',
  async (_, path, label) => {
    await store(app, [`before ${path}`]);
    await using opened = await newPage(browser);
    await opened.page.goto(app.url + path);
    await opened.page.getByText(`${label}"before ${path}"`).waitFor(waitOptions);
    await store(app, [`after ${path}`]);
    await opened.page.getByText(`${label}"after ${path}"`).waitFor(waitOptions);
    expect((await opened.page.getByRole('listitem').allTextContents()).slice(0, 2)).toEqual([
      `${label}"after ${path}"`,
      `${label}"before ${path}"`,
    ]);
    expect(opened.seen.errors).toEqual([]);
  },
);

test('the recipes for Vue and Svelte have no type error', async () => {
  expect(await pages.typeErrors()).toBe('');
});

test.each(frameworks)('a component of %s on another site shows each event once', async (name) => {
  await store(app, ['before'], { channel: name });
  pages.show(app.url, name);
  await using opened = await newPage(browser);
  await opened.page.goto(`${pages.origin}/${name}`);
  await opened.page.getByText('streaming').waitFor(waitOptions);
  await store(app, ['after'], { channel: name });
  await opened.page.getByText('after').waitFor(waitOptions);
  const lines = await opened.page.getByRole('listitem').allTextContents();
  expect(lines.map((line) => line.trim().replaceAll('"', ''))).toEqual(['before', 'after']);
  expect(opened.seen.errors).toEqual([]);
});

test('a request for the result of a job gets, after 25 s, the answer that the job still runs', async () => {
  const { status, text } = await stillRuns;
  expect([status, JSON.parse(text)]).toEqual([202, { status: 'running' }]);
});

test('a page that has no news of its job for 30 s says so, until there is some', async () => {
  const line = silent.page.getByText('No news for 30 s');
  await line.waitFor({ timeout: 60_000 });
  await silent.page.reload();
  // Less than 30 s: a reload does not begin them anew.
  await line.waitFor({ timeout: 25_000 });
  await storeOfJob(silentJob, 'job.progress', { step: 'Saving', done: 2, rows: 2 });
  await line.waitFor({ ...waitOptions, state: 'hidden' });
  expect(silent.seen.errors).toEqual([]);
});
