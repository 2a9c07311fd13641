import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { newPage } from '../../support/browser/page-steps.ts';
import { type App, listenOn, startAppBy } from '../../support/node/app-process.ts';
import { ask, readProblem } from '../../support/node/ask.ts';
import { type AppCopy, copyAppToBuild } from '../../support/node/built-copy.ts';
import { eventually } from '../../support/node/eventually.ts';
import { store } from '../../support/node/publish.ts';
import { keepSecret } from '../../support/node/secrets.ts';
import { root } from '../../support/root.ts';

/* The example of docs/private-channels.md, built and run as its reader would have it. */

const sessionSecret = 'session-secret-nobody-may-see';
keepSecret('the secret of the sessions', sessionSecret);

/** The files of the example: path in the app → text. Its `canRead` takes the place of the template's. */
function exampleFiles(): Readonly<Record<string, string>> {
  const text = readFileSync(join(root, 'docs/private-channels.md'), 'utf8');
  const blocks = text.matchAll(/<!-- file: (\S+) -->\n```tsx?\n([\s\S]*?)```\n<!-- \/file -->/g);
  const { [rules]: canRead = '', ...files } = Object.fromEntries(
    [...blocks].map(([, path, code]) => [path, code]),
  );
  const own = readFileSync(join(root, rules), 'utf8');
  const edited = own.replace(/export const canRead[\s\S]*?\n};\n/, () => canRead);
  expect(edited).not.toBe(own);
  return { ...files, [rules]: `import { sessionOf } from '../session.ts';\n${edited}` };
}

const rules = 'lib/config/access.ts';

let browser: Browser;
let copy: AppCopy;
let app: App;

beforeAll(async () => {
  copy = copyAppToBuild(exampleFiles());
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

async function signIn(page: Page, user: string): Promise<void> {
  await page.goto(`${app.url}/inbox`);
  await page.getByLabel('User').fill(user);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor({ timeout: 30_000 });
}

const row = (page: Page, text: string) => page.getByRole('listitem').filter({ hasText: text });

/** The session cookie that the sign-in route gives. */
async function cookieOf(user: string): Promise<string> {
  const response = await fetch(`${app.url}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ user }),
    redirect: 'manual',
  });
  return (response.headers.get('set-cookie') ?? '').replace(/;.*/, '');
}

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
    expect(readProblem(stranger)).toMatchObject({ status: 401, detail: 'Sign in to see your messages.' });
    expect((await ask(app, `/api/${path}`, { headers: { cookie: other } })).status).toBe(403);
    expect((await ask(app, `/api/${path}`, { headers: { cookie: forged } })).status).toBe(401);
  }
  const own = await ask(app, `/api/${paths[0]}`, { headers: { cookie: await cookieOf('7') } });
  expect([own.status, own.headers.get('cache-control')]).toEqual([200, 'private, no-store']);
  expect((await ask(app, '/api/events')).headers.get('cache-control')).toContain('public');
});

test('a signed-in user sees their events, stored and live; signing out in one tab takes them from all tabs', async () => {
  await store(app, ['stored for 7'], { channel: 'user.7.inbox' });
  await store(app, ['for 8'], { channel: 'user.8.inbox' });
  await using opened = await newPage(browser);
  const { page } = opened;
  await signIn(page, '7');
  await row(page, 'stored for 7').waitFor({ timeout: 30_000 });
  const second = await page.context().newPage();
  await second.goto(`${app.url}/inbox`);
  await store(app, ['live for 7'], { channel: 'user.7.inbox' });
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

test('the browser gets nothing of what the rules import', () => {
  const files = globSync('.next/static/**/*.js', { cwd: copy.folder });
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    const text = readFileSync(join(copy.folder, file), 'utf8');
    expect([file, /SESSION_SECRET|timingSafeEqual|Sign in to see your messages/.test(text)]).toEqual([
      file,
      false,
    ]);
  }
});
