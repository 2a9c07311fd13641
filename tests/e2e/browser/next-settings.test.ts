import { cpSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, relative } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFreePort } from '../../../scripts/free-port.ts';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, newPage, type OpenPage, readTexts, shows } from '../../support/browser/page-steps.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { type App, startAppBy } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { type AppCopy, copyAppToBuild } from '../../support/node/built-copy.ts';
import { eventually } from '../../support/node/eventually.ts';
import { range, store } from '../../support/node/publish.ts';
import { secrets } from '../../support/node/secrets.ts';
import { readStaticFiles } from '../../support/node/static-files.ts';
import { root } from '../../support/root.ts';
import { endScripts, runScript } from '../../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/*
 * The template under settings of Next that people use. Each build takes half a minute or more, so settings that do not
 * touch each other share one. The builds are made one after the other, in one copy of the app.
 */

type Case = {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly args?: readonly string[];
};

const cases: readonly (readonly [string, Case])[] = [
  [
    "basePath, output: 'standalone' and reactCompiler",
    {
      settings: {
        basePath: '/app',
        output: 'standalone',
        reactCompiler: true,
        // The compiler's own port in Rust, which needs no further package.
        experimental: { turbopackRustReactCompiler: true },
      },
    },
  ],
  [
    'trailingSlash and cacheComponents',
    { settings: { trailingSlash: true, cacheComponents: true, partialPrefetching: true } },
  ],
  [
    'basePath, trailingSlash and assetPrefix',
    { settings: { basePath: '/app', trailingSlash: true, assetPrefix: 'CDN' } },
  ],
  ['next build --webpack', { settings: {}, args: ['--webpack'] }],
];

/** A page of the app's own, which Next prerenders, with a component that calls `useFeed`. */
const ownPage = {
  'app/own/page.tsx': `import { Mine } from './mine.tsx';

export default function Own() {
  return <Mine />;
}
`,
  'app/own/mine.tsx': `'use client';
import { useFeed } from '../../lib/client/use-feed.ts';

export function Mine() {
  const { events, status } = useFeed({ initial: { events: [], cursor: '0-0' } });
  return <output>{status} {events.length}</output>;
}
`,
};

/** The route of the documentation that gives a signed-in user a cookie. Here everyone is user 7. */
function cookieRoute() {
  const text = readFileSync(join(root, 'docs/private-channels.md'), 'utf8');
  const [, example = ''] = /<!-- example -->\n```ts\n([\s\S]*?)```/.exec(text) ?? [];
  return {
    'app/api/feed-token/route.ts': example,
    'lib/user.ts': "export const userOf = async (_request: Request) => ({ id: '7' });\n",
  };
}

let browser: Browser;
let copy: AppCopy;
/** Another origin, which has the static files of the build. */
let cdn: { readonly url: string; readonly asked: string[]; close(): void };

beforeAll(async () => {
  browser = await startChromium();
  copy = copyAppToBuild({ ...ownPage, ...cookieRoute() });
  cdn = await startCdn(join(copy.folder, '.next/static'));
}, 60_000);
afterAll(async () => {
  endScripts();
  cdn.close();
  copy[Symbol.dispose]();
  await browser.close();
});

async function startCdn(folder: string) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace('/_next/static', '').replace(/\?.*/, '');
    asked.push(path);
    const file = readStaticFiles(folder, { routes: [] }).get(path);
    if (file === undefined) response.writeHead(404).end();
    else file.send(response, 200, {});
  });
  const url = `http://127.0.0.1:${await listenOnFreePort(server)}`;
  return { url, asked, close: () => server.close() };
}

const env = { STREAM_MAX_SECONDS: '5', POLL_MODE: 'short', READ_TOKEN_SECRET: secrets.readSecret };
const words = (first: number, last: number) => range(first, last).map((number) => `word ${number}`);

describe.each(cases)('%s', (_name, { settings, args }) => {
  const basePath = String(settings.basePath ?? '');
  const pathEnd = settings.trailingSlash === true ? '/' : '';
  /** The app at its base path. */
  let app: App & { readonly origin: string };
  const pageAddress = () => (basePath === '' ? `${app.url}/` : `${app.url}${pathEnd}`);

  beforeAll(async () => {
    const assetPrefix = settings.assetPrefix === undefined ? {} : { assetPrefix: cdn.url };
    await copy.build({ ...settings, ...assetPrefix }, args);
    const isStandalone = settings.output === 'standalone';
    const server = await (isStandalone ? startStandalone() : copy.start(env));
    app = { ...server, url: `${server.url}${basePath}`, origin: server.url };
    return async () => {
      await server[Symbol.asyncDispose]();
      expect(server.printed()).not.toMatch(/error/i);
    };
  }, 600_000);

  /** Opens an address, and records the requests that were redirected. */
  async function open(address: string): Promise<OpenPage & { readonly redirected: readonly string[] }> {
    const opened = await newPage(browser);
    const redirected: string[] = [];
    opened.page.on('response', (response) => {
      if (response.status() >= 300 && response.status() < 400) redirected.push(response.url());
    });
    await opened.page.goto(address);
    return { ...opened, redirected };
  }

  test('the page is live over a handover, shows each event once, and no request of it is redirected', async () => {
    await store(app, words(1, 3));
    await using opened = await open(pageAddress());
    await hasStatus(opened.page, 'Live');
    await store(app, words(4, 6));
    await eventually('a stream was handed over', 30_000, async () =>
      (await opened.seen.statuses()).join().includes('Handing over,Live'),
    );
    await store(app, words(7, 9));
    await shows(opened.page, 'word 9');
    expect(await readTexts(opened.page)).toEqual(words(1, 9).reverse());
    expect(opened.seen.errors).toEqual([]);
    expect(opened.redirected).toEqual([]);
  });

  test('the page polls where streams are blocked', async () => {
    await using opened = await newPage(browser);
    await opened.page.route(/\/api\/stream/, (route) => route.fulfill({ status: 502, body: '' }));
    await opened.page.goto(pageAddress());
    await hasStatus(opened.page, 'Polling');
    await store(app, ['by poll']);
    await shows(opened.page, 'by poll');
  });

  test('push and tail take the address of the app', async () => {
    const pushed = runScript('push', ['by push', '--url', app.url], { PUBLISH_TOKEN: secrets.publishToken });
    expect([await pushed.code, pushed.err()]).toEqual([0, expect.stringContaining('1 event')]);
    const tail = runScript('tail', ['--url', app.url, '--after', '0-0']);
    await eventually('tail prints the event', 30_000, () => tail.out().includes('by push'));
    tail.child.kill('SIGTERM');
    await tail.code;
  });

  if (basePath !== '' && pathEnd !== '')
    test('npm run demo names the address and publishes', async () => {
      const script = relative(root, join(copy.folder, 'scripts/demo.ts'));
      const demo = runScript(script, ['--port', '0', '--seconds', '3'], {}, copy.folder);
      expect([await demo.code, demo.err()]).toEqual([0, '']);
      expect(demo.out()).toMatch(/Open http:\/\/localhost:\d+\/app\n/);
      expect(demo.out()).toMatch(/ \d+-1\n/);
    });

  test('the cookie of the documentation reaches the routes, and neither the page nor the rest of the origin', async () => {
    await using opened = await open(pageAddress());
    const { page } = opened;
    expect(await post(page, `${basePath}/api/feed-token`)).toBe(204);
    expect(await read(page, `${basePath}/api/events?channel=order.7.new&rewind=1`)).toMatch(/^200 /);
    expect(await read(page, `${basePath}/?channel=order.7.new`)).toContain('is private');
    const sentTo = (path: string) => page.context().cookies(`${app.origin}${path}`);
    expect(await sentTo(`${basePath}/api/stream${pathEnd}`)).toHaveLength(1);
    expect(await sentTo(basePath === '' ? '/other' : '/api/stream')).toEqual([]);
  });

  test('a component on a prerendered page reads the feed without a setting', async () => {
    await using opened = await open(`${app.url}/own${pathEnd}`);
    await opened.page.getByText(/^streaming [1-9]/).waitFor({ timeout: 30_000 });
    expect(opened.redirected).toEqual([]);
    expect(opened.seen.errors).toEqual([]);
  });

  test('the example page is rendered by the server, live, and under the strict policy', async () => {
    await store(app, ['for the example']);
    await using opened = await open(`${app.url}/example${pathEnd}`);
    await opened.page.getByText('streaming').waitFor({ timeout: 30_000 });
    expect(await opened.page.locator('li').first().textContent()).toBe('"for the example"');
    expect(opened.redirected).toEqual([]);
    expect(opened.seen.errors).toEqual([]);
    const { headers } = await ask(app, `/example${pathEnd}`);
    expect(headers.get('content-security-policy')).toContain("'nonce-");
  });

  test('the status page takes a sign-in, is live, and signs out', async () => {
    await using opened = await newPage(browser);
    const { page } = opened;
    await page.goto(`${app.url}/status${pathEnd}`);
    await page.getByLabel('Publish token').fill(secrets.publishToken);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await hasStatus(page, 'Live');
    expect(page.url()).toBe(`${app.url}/status${pathEnd}`);
    expect(opened.seen.errors).toEqual([]);
    expect(await page.context().cookies()).toMatchObject([{ path: `${basePath}/status` }]);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Publish token').waitFor();
    expect(await page.context().cookies()).toEqual([]);
  });

  test('the page has its policy, and may stay in the back/forward cache', async () => {
    const { status, headers } = await ask({ url: pageAddress() }, '', { redirect: 'manual' });
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('private, no-cache, max-age=0, must-revalidate');
  });

  if (settings.assetPrefix !== undefined)
    test('scripts and styles come from the other origin alone', async () => {
      const own: string[] = [];
      await using opened = await newPage(browser);
      opened.page.on('request', (request) => {
        if (request.url().startsWith(`${app.origin}${basePath}/_next/`)) own.push(request.url());
      });
      const before = cdn.asked.length;
      await opened.page.goto(pageAddress());
      await hasStatus(opened.page, 'Live');
      expect(cdn.asked.slice(before).map((path) => path.replace(/.*\./, ''))).toEqual(
        expect.arrayContaining(['css', 'js']),
      );
      expect(own).toEqual([]);
      const late = cdn.asked.find((path) => path.endsWith('.js')) ?? '';
      await opened.page.evaluate(loadScript, `${cdn.url}/_next/static${late}`);
    });

  if (settings.output === 'standalone')
    test('SIGTERM hands its readers over and ends the process', async () => {
      const response = await fetch(`${app.url}/api/stream`);
      const body = response.text();
      app.kill('SIGTERM');
      expect(await body).toContain('"reason":"stopping"');
      await app.ended;
    });
});

/** Starts the standalone build in a folder of its own: nothing of the copy is beside it. */
async function startStandalone(): Promise<App> {
  const folder = makeTemporaryFolder();
  cpSync(join(copy.folder, '.next/standalone'), folder.path, { recursive: true });
  cpSync(join(copy.folder, '.next/static'), join(folder.path, '.next/static'), { recursive: true });
  const address = { PORT: String(await findFreePort(0)), HOSTNAME: '127.0.0.1' };
  const app = await startAppBy({
    command: process.execPath,
    args: ['server.js'],
    env: { ...env, ...address },
    cwd: folder.path,
  });
  return {
    ...app,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

/** Runs in the page: loads a script without the page's nonce, as a bundler loads a part that is needed later. */
function loadScript(address: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.onload = resolve;
    script.onerror = () => reject(new Error('the policy of the page forbids the script'));
    script.src = address;
    document.head.append(script);
  });
}

function post(page: Page, path: string): Promise<number> {
  return page.evaluate(async (address) => (await fetch(address, { method: 'POST' })).status, path);
}

function read(page: Page, path: string): Promise<string> {
  return page.evaluate(async (address) => {
    const response = await fetch(address);
    return `${response.status} ${await response.text()}`;
  }, path);
}
