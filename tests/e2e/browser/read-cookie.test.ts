import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { newPage } from '../../support/browser/page-steps.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { store } from '../../support/node/publish.ts';
import { secrets, signReadToken } from '../../support/node/secrets.ts';

let browser: Browser;
let app: App;
/** A page of another site, and a page of another site that is in ALLOWED_ORIGINS. */
let stranger: string;
let friend: string;

beforeAll(async () => {
  browser = await startChromium();
  const servers = [0, 0].map(() =>
    createServer((_, response) => response.setHeader('content-type', 'text/html').end('<p>another site')),
  );
  const urls = servers.map(async (server) => {
    const port = await listenOnFreePort(server);
    return `http://localhost:${port}`;
  });
  [stranger = '', friend = ''] = await Promise.all(urls);
  app = await startApp({ READ_TOKEN_SECRET: secrets.readSecret, ALLOWED_ORIGINS: friend });
  await store(app, ['a secret'], { channel: 'private' });
  return () => Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

/** The attributes of the cookie in the documentation's example. */
function documentedAttributes(): string {
  const file = fileURLToPath(new URL('../../../docs/private-channels.md', import.meta.url));
  const [, attributes = ''] = /feed_token=\$\{token\}; (.*)`;/.exec(readFileSync(file, 'utf8')) ?? [];
  return attributes.replace(/\$\{(\w+)\}/g, (_, name) => (name === 'seconds' ? '900' : ''));
}

/** Sets a cookie in the browser from the app's own origin, as a route of the app would. */
async function signIn(page: Page, attributes = documentedAttributes()): Promise<void> {
  const cookie = `feed_token=${await signReadToken(['private'])}; ${attributes}`;
  await page.route(`${app.url}/sign-in`, (route) =>
    route.fulfill({ headers: { 'set-cookie': cookie, 'content-type': 'text/html' }, body: '<p>in' }),
  );
  await page.goto(`${app.url}/sign-in`);
  expect(await page.evaluate(() => document.cookie)).toBe('');
}

/** Reads the private channel in a script of the page. @returns the answer or the error as text. */
function read(page: Page, credentials: RequestCredentials): Promise<string> {
  return page.evaluate(
    async ([url, how]) => {
      try {
        const response = await fetch(`${url}/api/events?channel=private&rewind=1`, { credentials: how });
        return `${response.status} ${await response.text()}`;
      } catch (error) {
        return String(error);
      }
    },
    [app.url, credentials] as const,
  );
}

describe('a page with the cookie of the documentation’s example', () => {
  test('reads by fetch and by EventSource, and no script sees the cookie', async () => {
    await using open = await newPage(browser);
    await signIn(open.page);

    expect(await read(open.page, 'same-origin')).toMatch(/^200 .*a secret/);
    const streamed = await open.page.evaluate(
      () =>
        new Promise((resolve) => {
          const source = new EventSource('/api/stream?channel=private&rewind=1');
          source.onmessage = ({ data }) => resolve(data);
          source.onerror = () => resolve('error');
        }),
    );
    expect(streamed).toContain('a secret');
  });

  test('is rendered without private events, unless the cookie is for all paths', async () => {
    await using open = await newPage(browser);
    await signIn(open.page);
    const rendered = () => open.page.evaluate(async () => (await fetch('/?channel=private')).text());

    expect(await rendered()).toMatch(/is private/);
    expect(await rendered()).not.toContain('a secret');
    await signIn(open.page, documentedAttributes().replace('Path=/api', 'Path=/'));
    expect(await rendered()).toContain('a secret');
  });
});

describe('with a cookie that is sent from every site', () => {
  const everywhere = 'Path=/; HttpOnly; Secure; SameSite=None';

  test.each(['stranger', 'friend'] as const)('a page of a %s cannot read with it', async (who) => {
    await using open = await newPage(browser);
    await signIn(open.page, everywhere);
    const sent: string[] = [];
    open.page.on('request', async (request) => {
      if (request.url().startsWith(`${app.url}/api`)) sent.push((await request.headerValue('cookie')) ?? '');
    });
    await open.page.goto(who === 'friend' ? friend : stranger);

    expect(await read(open.page, 'include')).toMatch(/^TypeError/);
    await eventually('the cookie was sent along', 30_000, () =>
      sent.some((each) => each.includes('feed_token')),
    );
    const without = await read(open.page, 'omit');
    expect(without).toMatch(who === 'friend' ? /^401 .*is private/ : /^TypeError/);
    const streamed = await open.page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const source = new EventSource(`${url}/api/stream?channel=private&rewind=1`, {
            withCredentials: true,
          });
          source.onmessage = source.onopen = () => resolve('open');
          source.onerror = () => resolve('error');
        }),
      app.url,
    );
    expect(streamed).toBe('error');
  });

  test.each(['script', 'img'])('a page of another site cannot load an answer as a %s', async (tag) => {
    await using open = await newPage(browser);
    await signIn(open.page, everywhere);
    await open.page.goto(stranger);
    const failure = open.page.waitForEvent('requestfailed', { timeout: 30_000 });
    await open.page.evaluate(
      ([name, url]) => {
        const element = document.createElement(name);
        element.setAttribute('src', `${url}/api/events?channel=private&rewind=1`);
        document.body.append(element);
      },
      [tag, app.url] as const,
    );

    expect((await failure).failure()?.errorText).toMatch(/BLOCKED/);
  });
});
