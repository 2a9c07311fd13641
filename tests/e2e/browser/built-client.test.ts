import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { listenOnFreePort } from '../../support/listen-on-free-port.ts';
import { type App, copyApp, startApp } from '../../support/node/app-process.ts';
import { downloadNode } from '../../support/node/node-release.ts';
import { store } from '../../support/node/publish.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/* Apps that know nothing of this project: they have the files of `npm run build:client`, and another origin. */
const run = promisify(execFile);
const folder = makeTemporaryFolder();
const own = (...path: readonly string[]) => join(folder.path, ...path);
const built = ['client.js', 'client.d.ts', 'react.js', 'react.d.ts'];

/** Runs a command. @throws Error with its output, unless it ends with 0. */
async function command(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await run(program, args, { cwd, timeout: 240_000 }).catch(({ stdout, stderr }) => {
    throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`);
  });
  return stdout;
}

/** Writes the files of an app, and gives it the built client in the folder `steadfeed`. */
function makeApp(name: string, files: Readonly<Record<string, string>>): string {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(own(name, file)), { recursive: true });
    writeFileSync(own(name, file), text);
  }
  for (const file of built) cpSync(own('dist', file), own(name, 'steadfeed', file));
  return own(name);
}

/** The strictest options, which also check the declarations of the client. */
const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noUnusedLocals: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  skipLibCheck: false,
  noEmit: true,
  module: 'ESNext',
  moduleResolution: 'Bundler',
  target: 'ES2022',
  lib: ['ES2022', 'DOM', 'DOM.Iterable'],
  types: [],
};
const tsconfig = (more: object, files: readonly string[]) =>
  JSON.stringify({ compilerOptions: { ...strict, ...more }, files });

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };
const servers: Server[] = [];

/** Serves a folder on an origin of its own. */
async function serve(path: string): Promise<string> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://app');
    const file = pathname === '/' ? 'index.html' : pathname;
    try {
      const body = readFileSync(join(path, file));
      response.writeHead(200, { 'content-type': types[extname(file)] ?? 'text/plain' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  servers.push(server);
  return `http://127.0.0.1:${await listenOnFreePort(server)}`;
}

let browser: Browser;

beforeAll(async () => {
  using copy = copyApp();
  cpSync(join(root, 'scripts'), join(copy.path, 'scripts'), { recursive: true });
  const schemas = join(copy.path, 'lib/config/event-types.ts');
  const order =
    "\n  'order.created': z.object({ total: z.number(), note: z.string().optional(), tags: z.array(z.string()).default([]) }),";
  writeFileSync(schemas, readFileSync(schemas, 'utf8').replace('export const eventTypes = {', `$&${order}`));
  const printed = await command(process.execPath, ['scripts/build-client.ts'], copy.path);
  expect(printed).toContain('dist/client.js');
  cpSync(join(copy.path, 'dist'), own('dist'), { recursive: true });
  browser = await startChromium();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  for (const server of servers) server.close();
  folder[Symbol.dispose]();
});

/** A feed that pages of these origins may read. */
const startFeed = (...origins: readonly string[]) => startApp({ ALLOWED_ORIGINS: origins.join(',') });

/** Opens a page of another origin, and checks that it shows each event once, and one that is published later. */
async function expectShown(feed: App, origin: string): Promise<void> {
  await store(feed, [{ total: 1 }, { total: 2 }]);
  const page = await browser.newPage();
  try {
    await page.goto(`${origin}/?feed=${encodeURIComponent(feed.url)}`);
    const shown = (text: string) =>
      page.waitForFunction((wanted) => document.getElementById('totals')?.textContent === wanted, text, {
        timeout: 30_000,
      });
    await shown('1 2');
    await store(feed, [{ total: 3 }]);
    await shown('1 2 3');
    expect(await page.textContent('#status')).toBe('streaming');
  } finally {
    await page.close();
  }
}

const htmlScript = `import { connectFeed } from './steadfeed/client.js';

const feed = connectFeed({ url: new URLSearchParams(location.search).get('feed') ?? '', rewind: 'all' });
/** @param {string} id @param {string} text */
const show = (id, text) => {
  const element = document.getElementById(id);
  if (element !== null) element.textContent = text;
};
feed.subscribe(() => {
  const { events, status } = feed.getSnapshot();
  show('totals', events.map(({ data }) => /** @type {{ total: number }} */ (data).total).join(' '));
  show('status', status);
});
`;

const reactApp = `import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { useFeed } from '../steadfeed/react.js';

const url = new URLSearchParams(location.search).get('feed') ?? '';

function Totals() {
  const [calls, setCalls] = useState(0);
  const { events, status } = useFeed({ url, rewind: 'all', onEvents: () => setCalls((before) => before + 1) });
  return (
    <p title={String(calls)}>
      <span id="totals">{events.map(({ data }) => (data as { total: number }).total).join(' ')}</span>
      <span id="status">{status}</span>
    </p>
  );
}

const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<Totals />);
`;

const nodeScript = `import { connectFeed } from './steadfeed/client.js';

const totals = [];
await new Promise((resolve) => {
  const feed = connectFeed({
    url: process.argv[2] ?? '',
    rewind: 'all',
    onEvents(events) {
      totals.push(...events.map(({ data }) => data.total));
      if (totals.length < 2) return;
      feed.close();
      resolve(undefined);
    },
  });
});
console.log(totals.join(' '));
`;

describe.concurrent('an app of its own', () => {
  test('a plain HTML page reads a feed of another origin', async () => {
    const app = makeApp('html', {
      'index.html':
        '<!doctype html><p id="totals"></p><p id="status"></p><script type="module" src="page.js"></script>',
      'page.js': htmlScript,
      'tsconfig.json': tsconfig({ allowJs: true, checkJs: true }, ['page.js']),
    });
    // A declaration beside a module stands for it: the check reads no code of the client.
    await command(process.execPath, [tsc, '-p', app], app);
    const origin = await serve(app);
    await using feed = await startFeed(origin);
    await expectShown(feed, origin);
  });

  test('an app of Vite and React, with its own packages and TypeScript 5', async () => {
    const app = makeApp('vite', {
      'package.json': JSON.stringify({ private: true, type: 'module' }),
      'index.html': '<!doctype html><div id="root"></div><script type="module" src="/src/main.tsx"></script>',
      'src/main.tsx': reactApp,
      'tsconfig.json': tsconfig({ jsx: 'react-jsx' }, ['src/main.tsx']),
    });
    const packages = [
      'vite@8',
      'react@19',
      'react-dom@19',
      'swr@2',
      'typescript@5',
      '@types/react@19',
      '@types/react-dom@19',
    ];
    await command('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], app);
    await command(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], app);
    await command(process.execPath, ['node_modules/vite/bin/vite.js', 'build', '--logLevel', 'error'], app);
    const origin = await serve(join(app, 'dist'));
    await using feed = await startFeed(origin);
    await expectShown(feed, origin);
  }, 300_000);

  test.each([20, 22, 24])(
    'a script of Node %i',
    async (major) => {
      const name = `node-${major}`;
      const app = makeApp(name, { 'read.mjs': nodeScript });
      const program = major === 24 ? process.execPath : await downloadNode(major, app);
      await using feed = await startFeed();
      await store(feed, [{ total: 1 }, { total: 2 }]);
      expect(await command(program, ['read.mjs', feed.url], app)).toBe('1 2\n');
    },
    180_000,
  );
});

const typed = `import { connectFeed, type EventOf, type EventTypes, type FeedStatus, type Gap } from './steadfeed/client.js';
import { useFeed, type UseFeed } from './steadfeed/react.js';

const orders = connectFeed({ types: ['order.created'], enabled: false });
const total: number | undefined = orders.getSnapshot().newest?.data.total;
const tags: string[] | undefined = orders.getSnapshot().events[0]?.data.tags;
const note: string | undefined = orders.getSnapshot().newest?.data.note;
// @ts-expect-error The schema has no such member.
orders.getSnapshot().newest?.data.price;
const mixed = connectFeed({ types: ['order.created', 'note'], enabled: false });
for (const event of mixed.getSnapshot().events) {
  if (event.type === 'order.created') event.data.total.toFixed();
  // @ts-expect-error Nothing is known of the data of a type without a schema.
  else event.data.toFixed();
}
// @ts-expect-error An option is misspelt.
connectFeed({ chanel: 'orders' });
export function useOrders(): UseFeed<'order.created'> {
  return useFeed({ types: ['order.created'], after: '0-0', onEvents: (events) => events.map(({ data }) => data.total) as never });
}
declare module './steadfeed/client.js' {
  interface EventTypes {
    'invoice.paid': { readonly id: number };
  }
}
export const idOf = ({ data }: EventOf<'invoice.paid'>): number => data.id;
export const facts: readonly (number | string[] | string | FeedStatus | Gap | EventTypes | undefined)[] = [total, tags, note];
`;

describe('the declarations', () => {
  test('know the data of the declared event types, and need no other package', async () => {
    const app = makeApp('typed', {
      'typed.ts': typed,
      'tsconfig.json': tsconfig({}, ['typed.ts']),
    });
    await command(process.execPath, [tsc, '-p', app], app);
    for (const file of ['client.d.ts', 'react.d.ts'])
      expect(readFileSync(own('dist', file), 'utf8')).not.toMatch(/\bimport\b|zod/);
  });

  test('of useFeed are of a client component, and its module imports react and swr alone', () => {
    const text = readFileSync(own('dist/react.js'), 'utf8');
    expect(text).toMatch(/^\/\*.*\*\/\n"use client";/);
    const imported = (code: string) =>
      new Set([...code.matchAll(/\bfrom\s*"([^"]+)"|import\("/g)].map(([, name]) => name));
    expect(imported(text)).toEqual(new Set(['react', 'swr']));
    expect(imported(readFileSync(own('dist/client.js'), 'utf8'))).toEqual(new Set());
  });
});
