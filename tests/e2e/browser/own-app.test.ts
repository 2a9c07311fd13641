import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, newPage, openLive, shows } from '../../support/browser/page-steps.ts';
import { type App, listenOn, startAppBy } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { type AppCopy, copyAppToBuild } from '../../support/node/built-copy.ts';
import { store } from '../../support/node/publish.ts';
import { root } from '../../support/root.ts';

/*
 * An app that was made from the template: with event types and pages of its own. It is a copy of the template with the changes
 * that the README and docs/next-settings.md tell, and with no other change.
 */

/** A file of the template with `added` after `line`, and `end` at its end. */
function edited(file: string, line: string, added: string, end = ''): Readonly<Record<string, string>> {
  const text = readFileSync(join(root, file), 'utf8');
  if (text.split(line).length !== 2) throw new Error(`${file} has not one line "${line}"`);
  return { [file]: text.replace(line, () => `${line}${added}`) + end };
}

const eventTypes = edited(
  'lib/config/event-types.ts',
  'export const eventTypes = {\n',
  "  'order.created': z.object({ id: z.number(), total: z.number() }),\n  'fails.itself': z.object({ id: z.number() }),\n  'fails.inside': z.object({ id: z.number() }),\n",
);

const eventRenderers = edited(
  'app/_feed/event-renderers.tsx',
  'export const eventRenderers: EventRenderers = {\n',
  "  'order.created': Order,\n  'fails.itself': FailsItself,\n  'fails.inside': FailsInside,\n",
  `
function Order({ event }: { readonly event: EventOf<'order.created'> }) {
  return <strong>Order {event.data.id} for {event.data.total.toFixed(2)} €</strong>;
}

// @ts-expect-error: the schema has no price
export const priceOf = ({ data }: EventOf<'order.created'>) => data.price;

// @ts-expect-error: an order is not shown by the component of another type
export const mixedUp: EventRenderers = { 'order.created': FailsItself };

function FailsItself({ event }: { readonly event: EventOf<'fails.itself'> }) {
  return <p>{fail(event.data.id)}</p>;
}

function FailsInside({ event }: { readonly event: EventOf<'fails.inside'> }) {
  return <Inside id={event.data.id} />;
}

function Inside({ id }: { readonly id: number }) {
  return <p>{fail(id)}</p>;
}

function fail(id: number): string {
  throw new Error(\`a mistake with \${id}\`);
}
`,
);

/** A component that reads the feed, and a form with a server action. */
const parts = {
  'app/own/count.tsx': `'use client';
import { useFeed } from '../../lib/client/use-feed.ts';

export function Count() {
  const { events, status } = useFeed({ initial: { events: [], cursor: '0-0' } });
  return <output>{status} {events.length}</output>;
}
`,
  'app/own/say-form.tsx': `import { redirect } from 'next/navigation';

async function say(form: FormData): Promise<void> {
  'use server';
  redirect(\`/own/per-request?said=\${encodeURIComponent(String(form.get('text')))}\`);
}

export function SayForm() {
  return <form action={say}><input aria-label="Text" name="text" /><button>Say</button></form>;
}
`,
};

const perRequest = `import { Count } from '../count.tsx';
import { SayForm } from '../say-form.tsx';

export default async function Page({ searchParams }: { searchParams: Promise<{ said?: string }> }) {
  const { said } = await searchParams;
  return <main><h1>Heard {said}</h1><SayForm /><Count /></main>;
}
`;

const pages = {
  'app/own/prerendered/page.tsx': perRequest
    .replace(
      'async function Page({ searchParams }: { searchParams: Promise<{ said?: string }> })',
      'function Page()',
    )
    .replace('  const { said } = await searchParams;\n', '')
    .replace('Heard {said}', 'Prerendered'),
  'app/own/per-request/page.tsx': perRequest,
  'app/own/strict/page.tsx': perRequest,
};
const proxy = edited('proxy.ts', "matcher: ['/', ", "'/own/strict', ");

let browser: Browser;
let copy: AppCopy;
let app: App;
beforeAll(async () => {
  browser = await startChromium();
  copy = copyAppToBuild({ ...eventTypes, ...eventRenderers, ...parts, ...pages, ...proxy });
  await copy.build({});
  const next = join(copy.folder, 'node_modules/next/dist/bin/next');
  app = await startAppBy({
    command: process.execPath,
    args: [next, 'start', ...listenOn(0)],
    cwd: copy.folder,
  });
}, 600_000);
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  copy[Symbol.dispose]();
  await browser.close();
});

describe('an event type with its own look', () => {
  test('needs a schema and a component, and the compiler holds the two together', async () => {
    const tsc = join(root, 'node_modules/.bin/tsc');
    const checking = promisify(execFile)(tsc, ['--noEmit', '--incremental', 'false'], { cwd: copy.folder });
    const errors = await checking.then(
      () => '',
      ({ stdout }) => String(stdout),
    );
    expect(errors).toBe('');
  }, 240_000);

  test('is shown by its component, by the server and in the browser', async () => {
    const channel = 'public:orders';
    await store(app, [{ id: 1, total: 12.5 }], { channel, type: 'order.created' });
    await using plain = await newPage(browser, { javaScriptEnabled: false });
    await plain.page.goto(`${app.url}/?channel=${channel}`);
    await shows(plain.page, 'Order 1 for 12.50 €');

    await using open = await newPage(browser);
    await open.page.goto(`${app.url}/?channel=${channel}`);
    await hasStatus(open.page, 'Live');
    await store(app, [{ id: 2, total: 3 }], { channel, type: 'order.created' });
    await shows(open.page, 'Order 2 for 3.00 €');
    expect(await open.page.getByRole('option').allTextContents()).toContain('order.created');
    expect(open.seen.errors).toEqual([]);
  });

  test('of which the component throws is shown as data, and the console says so once', async () => {
    const channel = 'public:faults';
    const type = 'fails.itself';
    await store(app, [{ id: 101 }, { id: 102 }], { channel, type });
    await using plain = await newPage(browser, { javaScriptEnabled: false });
    await plain.page.goto(`${app.url}/?channel=${channel}`);
    for (const id of ['101', '102']) await shows(plain.page, id);

    await using open = await newPage(browser);
    await open.page.goto(`${app.url}/?channel=${channel}`);
    await hasStatus(open.page, 'Live');
    await store(app, [{ id: 103 }, 'text'], { channel, type: 'another' });
    await store(app, [{ id: 104 }], { channel, type });
    for (const id of ['101', '102', '103', '104']) await shows(open.page, id);
    expect(open.seen.errors).toEqual([expect.stringContaining(`the event type "${type}" failed`)]);
  });

  test('of which a part of the component throws is shown as data, and the page stays live', async () => {
    const channel = 'public:inside';
    const type = 'fails.inside';
    await using open = await newPage(browser);
    await open.page.goto(`${app.url}/?channel=${channel}`);
    await hasStatus(open.page, 'Live');
    await store(app, [{ id: 201 }, { id: 202 }], { channel, type });
    await store(app, ['text'], { channel });
    for (const text of ['201', '202', 'text']) await shows(open.page, text);
    const ours = open.seen.errors.filter((error) => error.includes(`the event type "${type}" failed`));
    expect(ours).toHaveLength(1);

    // The server has no boundary that could catch it. The browser renders the page instead.
    await using again = await newPage(browser);
    await again.page.goto(`${app.url}/?channel=${channel}`);
    await hasStatus(again.page, 'Live');
    for (const text of ['201', '202', 'text']) await shows(again.page, text);
  });
});

const nonce = /script-src 'self' 'nonce-[0-9a-f-]+';/;
const inline = /script-src 'self' 'unsafe-inline';/;

describe.each([
  ['a prerendered page', '/own/prerendered', inline],
  ['a page that is rendered for each request', '/own/per-request', inline],
  ['such a page that proxy.ts names', '/own/strict', nonce],
])('%s', (_, path, policy) => {
  test('has a policy with which its scripts run and the feed is live', async () => {
    await store(app, ['an event']);
    await using open = await newPage(browser);
    await open.page.goto(`${app.url}${path}`);
    await open.page.getByText(/^streaming [1-9]/).waitFor({ timeout: 30_000 });
    expect(open.seen.errors).toEqual([]);
    expect((await ask(app, path)).headers.get('content-security-policy')).toMatch(policy);
  });

  test.each([true, false])(
    'takes the form of a server action (with JavaScript: %s)',
    async (javaScriptEnabled) => {
      await using open = await newPage(browser, { javaScriptEnabled });
      await open.page.goto(`${app.url}${path}`);
      await say(open.page, 'hello & goodbye');
      await open.page.getByRole('heading', { name: 'Heard hello & goodbye' }).waitFor({ timeout: 30_000 });
      expect(open.seen.errors).toEqual([]);
    },
  );
});

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Text').fill(text);
  await page.getByRole('button', { name: 'Say' }).click();
}

test('another site cannot post the form of a server action', async () => {
  const { text } = await ask(app, '/own/strict');
  const [, action = ''] = /name="(\$ACTION_ID_[0-9a-f]+)"/.exec(text) ?? [];
  const post = async (origin: string) => {
    const body = new FormData();
    body.set(action, '');
    body.set('text', 'forged');
    return (await ask(app, '/own/strict', { method: 'POST', headers: { origin }, body, redirect: 'manual' }))
      .status;
  };

  expect(action).not.toBe('');
  expect(await post(app.url)).toBe(303);
  for (const origin of ['https://elsewhere.test', 'null']) expect(await post(origin), origin).toBe(500);
});

test('the live page keeps its strict policy', async () => {
  await using open = await openLive(browser, app);
  expect((await ask(app, '/')).headers.get('content-security-policy')).toMatch(nonce);
  expect(open.seen.errors).toEqual([]);
});
