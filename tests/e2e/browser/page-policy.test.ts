import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { openLive, quickToDraw, shows } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { store } from '../../support/node/publish.ts';

let browser: Browser;
let app: App;
beforeAll(async () => {
  browser = await startChromium();
  app = await startApp();
  await store(app, ['first', '<img src=x onerror="window.ran = true"><script>window.ran = true</script>']);
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

/** Ways in which text could run as a script. */
const attempts = {
  'a script': (code) => {
    const script = document.createElement('script');
    script.textContent = code;
    document.body.append(script);
  },
  'a handler in markup': (code) => {
    document.body.insertAdjacentHTML('beforeend', `<img src="data:," onerror="${code}">`);
  },
  'a link': (code) => {
    document.body.insertAdjacentHTML('beforeend', `<a href="javascript:${code}" id="link">link</a>`);
    document.getElementById('link')?.click();
  },
  'a frame': (code) => {
    const frame = document.createElement('iframe');
    frame.srcdoc = `<script>parent.${code}</script>`;
    document.body.append(frame);
  },
} satisfies Readonly<Record<string, (code: string) => void>>;

test('the page runs only its own scripts, and does not violate its own policy', async () => {
  await using open = await openLive(browser, app, quickToDraw);
  await shows(open.page, 'onerror');
  await store(app, ['second']);
  await shows(open.page, 'second');
  await open.page.keyboard.press('c');
  await open.page.getByRole('complementary', { name: 'Connection' }).waitFor();

  expect(open.seen.errors).toEqual([]);
  expect(await open.page.evaluate(() => 'ran' in window)).toBe(false);
});

test.each(Object.keys(attempts))(
  '%s with injected code does not run, and the browser reports the policy',
  async (name) => {
    await using open = await openLive(browser, app, quickToDraw);

    await open.page.evaluate(attempts[name as keyof typeof attempts], 'ran = true');

    await expect.poll(() => open.seen.errors.join('\n')).toMatch(/Content Security Policy/);
    expect(await open.page.evaluate(() => 'ran' in window)).toBe(false);
  },
);

test('every page has its own nonce, and every answer has the security headers', async () => {
  const [one, two] = await Promise.all([ask(app, '/'), ask(app, '/')]);
  const policyOf = ({ headers }: typeof one) => headers.get('content-security-policy') ?? '';
  const nonceOf = (page: typeof one) => /'nonce-([0-9a-f-]{36})'/.exec(policyOf(page))?.[1];

  expect(nonceOf(one)).toBeDefined();
  expect(nonceOf(two)).not.toBe(nonceOf(one));
  expect(policyOf(one)).toContain("frame-ancestors 'none'");
  expect(policyOf(one)).toMatch(/script-src 'self' 'nonce-[0-9a-f-]+';/);
  for (const path of ['/', '/nowhere', '/icon.svg']) {
    const { headers } = await ask(app, path);
    expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    expect(headers.get('referrer-policy'), path).toBe('same-origin');
    expect(headers.get('permissions-policy'), path).toContain('camera=()');
  }
  for (const path of ['/api/events', '/api/stream?channel=-', '/api/health']) {
    expect((await ask(app, path)).headers.get('x-content-type-options'), path).toBe('nosniff');
  }
});

test('a page without a nonce of its own has the general policy; a file and the API need none', async () => {
  const policyOf = async (path: string) => (await ask(app, path)).headers.get('content-security-policy');

  expect(await policyOf('/nowhere')).toMatch(/script-src 'self' 'unsafe-inline';.*frame-ancestors 'none'$/);
  expect(await policyOf('/example')).toMatch(/script-src 'self' 'nonce-[0-9a-f-]+';/);
  for (const path of ['/icon.svg', '/api/health']) expect(await policyOf(path), path).toBeNull();
});

test('no request of a page that was opened with a token in its address carries it on', async () => {
  for (const path of ['/?token=x', '/example?token=x', '/nowhere?a=b&token=x'])
    expect((await ask(app, path)).headers.get('referrer-policy'), path).toBe('no-referrer');
});
