import { execFile } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { newPage } from '../../support/browser/page-steps.ts';
import { readPrivateJob } from '../../support/docs/next-recipes.ts';
import { sessionCookieOf, sessionExample } from '../../support/docs/session-example.ts';
import { type App, listenOn, startAppBy } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import { type AppCopy, copyAppToBuild } from '../../support/node/built-copy.ts';
import { eventually } from '../../support/node/eventually.ts';
import { store } from '../../support/node/publish.ts';
import { keepSecret } from '../../support/node/secrets.ts';
import { root } from '../../support/root.ts';

/* The example of docs/private-channels.md and the private job of docs/recipes.md, built and run as their reader would have them. */

const sessionSecret = 'session-secret-nobody-may-see';
keepSecret('the secret of the sessions', sessionSecret);

let browser: Browser;
let copy: AppCopy;
let app: App;

beforeAll(async () => {
  copy = copyAppToBuild({ ...sessionExample(), ...readPrivateJob() });
  [browser] = await Promise.all([startChromium(), copy.build({})]);
  app = await startAppBy({
    command: process.execPath,
    args: [join(copy.folder, 'node_modules/next/dist/bin/next'), 'start', ...listenOn(0)],
    env: { SESSION_SECRET: sessionSecret },
    cwd: copy.folder,
  });
}, 300_000);
afterAll(async () => {
  await app?.[Symbol.asyncDispose]();
  copy?.[Symbol.dispose]();
  await browser?.close();
});

async function signIn(page: Page, user: string, path = '/inbox'): Promise<void> {
  await page.goto(app.url + path);
  await page.getByLabel('User').fill(user);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor({ timeout: 30_000 });
}

/** Stores notifications for a user. */
const notify = (user: string, ...texts: readonly string[]) =>
  store(
    app,
    texts.map((text) => ({ text })),
    { channel: `user.${user}.inbox`, type: 'notification' },
  );

const row = (page: Page, text: string) => page.getByRole('listitem').filter({ hasText: text });

const cookieOf = (user: string) => sessionCookieOf(app, user);

const paths = [
  'events?channel=user.7.inbox',
  'events?channel=user.7.inbox&before=9-9',
  'stream?channel=user.7.inbox',
];

test('the example refuses strangers, other users and forged cookies in every way to read', async () => {
  const other = await cookieOf('70');
  const forged = (await cookieOf('7')).replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
  for (const path of paths) {
    const stranger = await ask(app, `/api/${path}`);
    expect(readProblem(stranger)).toMatchObject({
      status: 401,
      detail: expect.stringContaining('Channel "user.7.inbox" is private.'),
    });
    expect((await ask(app, `/api/${path}`, { headers: { cookie: other } })).status).toBe(403);
    expect((await ask(app, `/api/${path}`, { headers: { cookie: forged } })).status).toBe(401);
  }
  const own = await ask(app, `/api/${paths[0]}`, { headers: { cookie: await cookieOf('7') } });
  expect([own.status, own.headers.get('cache-control')]).toEqual([200, 'private, no-store']);
  expect((await ask(app, '/api/events')).headers.get('cache-control')).toContain('public');
});

test('a signed-in user sees their events, stored and live; signing out in one tab takes them from all tabs', async () => {
  await notify('7', 'stored for 7');
  await notify('8', 'for 8');
  await using opened = await newPage(browser);
  const { page } = opened;
  await signIn(page, '7');
  await row(page, 'stored for 7').waitFor({ timeout: 30_000 });
  const second = await page.context().newPage();
  await second.goto(`${app.url}/inbox`);
  await notify('7', 'live for 7');
  for (const tab of [page, second]) {
    await row(tab, 'live for 7').waitFor({ timeout: 30_000 });
    expect(await row(tab, 'for 8').count()).toBe(0);
  }

  await page.getByRole('button', { name: 'Sign out' }).click();
  for (const tab of [page, second]) {
    await tab.getByLabel('User').waitFor({ timeout: 30_000 });
    expect(await tab.content()).not.toContain('for 7');
  }
  await eventually('no stream is open', 30_000, async () => (await app.health()).streams === 0);

  await signIn(second, '8');
  await row(second, 'for 8').waitFor({ timeout: 30_000 });
  expect(await row(second, 'for 7').count()).toBe(0);
  expect(opened.seen.errors).toEqual([]);
});

test('a second tab that signs in as another user takes the first user’s events from the first tab', async () => {
  await notify('17', 'for 17');
  await notify('18', 'for 18');
  await using opened = await newPage(browser);
  const { page } = opened;
  const second = await page.context().newPage();
  await second.goto(`${app.url}/inbox`);
  await second.getByLabel('User').waitFor({ timeout: 30_000 });
  await signIn(page, '17');
  await row(page, 'for 17').waitFor({ timeout: 30_000 });

  await second.getByLabel('User').fill('18');
  await second.getByRole('button', { name: 'Sign in' }).click();
  for (const tab of [second, page]) {
    await row(tab, 'for 18').waitFor({ timeout: 30_000 });
    expect(await tab.content()).not.toContain('for 17');
  }
  expect(opened.seen.errors).toEqual([]);
});

test('a session that ends takes the private list from the page, and the bell counts what is unread', async () => {
  await notify('27', 'one for 27', 'two for 27');
  await using opened = await newPage(browser);
  const { page } = opened;
  await signIn(page, '27');
  await page.getByRole('button', { name: '2 unread' }).click();
  await notify('27', 'three for 27');
  await page.getByRole('button', { name: '1 unread' }).waitFor({ timeout: 30_000 });

  // The cookie is no longer valid, as after its time: the server refuses the next request.
  await page.context().clearCookies();
  await page.context().setOffline(true);
  await page.context().setOffline(false);
  await page.getByText('You are no longer signed in.').waitFor({ timeout: 30_000 });
  expect(await page.getByRole('list').count()).toBe(0);
  expect(await page.getByText('for 27').count()).toBe(0);
});

/** Starts a job as a user. @returns the address of its page. */
async function startJob(page: Page, user: string): Promise<string> {
  await signIn(page, user, '/import');
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.waitForURL('**/import?job=*', { timeout: 30_000 });
  await page.getByRole('progressbar').waitFor({ timeout: 30_000 });
  return page.url();
}

test('only its user sees a job: on the page, by the route and on its channel', async () => {
  await using ann = await newPage(browser);
  await using bob = await newPage(browser);
  const url = await startJob(ann.page, 'ann');
  await signIn(bob.page, 'bob', url.slice(app.url.length));
  expect(bob.page.url()).toBe(url);
  await bob.page.getByText('There is no such job.').waitFor({ timeout: 30_000 });

  const id = new URL(url).searchParams.get('job');
  const cookies = { ann: await cookieOf('ann'), bob: await cookieOf('bob'), nobody: 'none=1' };
  const statuses = async (path: string) =>
    Promise.all(
      Object.values(cookies).map(async (cookie) => (await ask(app, path, { headers: { cookie } })).status),
    );
  expect(await statuses(`/api/events?channel=user.ann.job.${id}`)).toEqual([200, 403, 401]);
  await store(app, [{ rows: 7 }], { channel: `user.ann.job.${id}`, type: 'job.done' });
  expect(await statuses(`/api/jobs/${id}`)).toEqual([200, 404, 404]);
  expect([...ann.seen.errors, ...bob.seen.errors]).toEqual([]);
});

test('signing out in a second tab takes a job from the first, and signing in there brings it back', async () => {
  await using opened = await newPage(browser);
  const { page } = opened;
  const url = await startJob(page, '37');
  const second = await page.context().newPage();
  await second.goto(`${app.url}/import`);
  await second.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('User').waitFor({ timeout: 30_000 });
  expect(await page.content()).not.toMatch(/progress|rows|user\.37/);
  await page.getByLabel('User').fill('37');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(/rows/).waitFor({ timeout: 30_000 });
  expect(page.url()).toBe(url);
  expect(opened.seen.errors).toEqual([]);
});

test('a session that ends takes its job from the page', async () => {
  await using opened = await newPage(browser);
  const { page } = opened;
  await startJob(page, '47');
  await page.context().clearCookies();
  await page.context().setOffline(true);
  await page.context().setOffline(false);
  await page.getByText('You may no longer see this job.').waitFor({ timeout: 30_000 });
  expect([await page.getByRole('progressbar').count(), await page.getByText('rows').count()]).toEqual([0, 0]);
});

test.each([
  ['/import?job=7-a', '/import?job=7-a'],
  ['//evil.example', '/'],
  ['https://evil.example/inbox', '/'],
  ['/\\evil.example', '/'],
  ['/inbox\nx', '/'],
])('a sign-in or sign-out with %j leads to %s', async (to, location) => {
  const places = ['/sign-in', '/sign-out'].map(async (path) => {
    const body = new URLSearchParams({ user: '7', to });
    const response = await fetch(app.url + path, { method: 'POST', body, redirect: 'manual' });
    return [response.status, response.headers.get('location')];
  });
  expect(await Promise.all(places)).toEqual(Array(2).fill([303, location]));
});

test('the examples have no type error in the app that they are added to', async () => {
  writeFileSync(join(copy.folder, 'next-env.d.ts'), '/// <reference types="next" />\n');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '--noEmit'], {
    cwd: copy.folder,
  }).catch((error: { readonly stdout: string }) => error);
  expect(stdout).toBe('');
});

test('the browser gets nothing of what the rules import', () => {
  const files = globSync('.next/static/**/*.js', { cwd: copy.folder });
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    const text = readFileSync(join(copy.folder, file), 'utf8');
    expect([file, /SESSION_SECRET|timingSafeEqual|is not yours/.test(text)]).toEqual([file, false]);
  }
});
