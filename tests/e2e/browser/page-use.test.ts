import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus, newPage, openLive, readTexts, shows } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { publish, store } from '../../support/node/publish.ts';
import { secrets } from '../../support/node/secrets.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

let browser: Browser;
let app: App;
beforeAll(async () => {
  browser = await startChromium();
  app = await startApp();
  await store(app, ['first', 'second', { nested: { text: 'third', list: [1, 2] } }]);
  await storeTyped('deploy', 'fourth');
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

async function storeTyped(type: string, data: unknown): Promise<void> {
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${secrets.publishToken}`,
  };
  const { status } = await ask(app, '/api/events', {
    method: 'POST',
    headers,
    body: JSON.stringify({ type, data }),
  });
  expect(status).toBe(201);
}

const articles = (page: Page) => page.getByRole('article');

describe('the filter', () => {
  test('shows events with a text, in upper or lower case, also inside JSON, and also later ones', async () => {
    await using open = await openLive(browser, app);
    await open.page.getByLabel('Search').fill('THIRD');
    expect(await articles(open.page).count()).toBe(1);
    await store(app, ['another', 'a third one']);
    await shows(open.page, 'a third one');
    expect(await articles(open.page).count()).toBe(2);
    await open.page.getByLabel('Search').press('Escape');
    await shows(open.page, 'another');
  });

  test('shows only one type', async () => {
    await using open = await openLive(browser, app);
    await open.page.getByLabel('Type').selectOption('deploy');
    expect(await readTexts(open.page)).toEqual(['fourth']);
  });

  test('says so when no event matches, and can be cleared', async () => {
    await using open = await openLive(browser, app);
    await open.page.getByLabel('Search').fill('no such text');
    await open.page.getByRole('button', { name: 'Show all' }).click();
    await shows(open.page, 'first');
  });
});

describe('when the user pauses', () => {
  test('the list does not change and says so; after Resume it shows the new events', async () => {
    await using open = await openLive(browser, app);
    const count = await articles(open.page).count();
    await open.page.keyboard.press('p');
    await hasStatus(open.page, 'Paused');
    await store(app, ['while paused']);
    await open.page.getByRole('button', { name: '1 new' }).waitFor();
    expect(await articles(open.page).count()).toBe(count);
    await open.page.getByRole('button', { name: 'Resume' }).click();
    await shows(open.page, 'while paused');
    await hasStatus(open.page, 'Live');
  });

  test('the status bar still shows that the connection is lost', async () => {
    await using other = await startApp();
    await using open = await openLive(browser, other);
    await open.page.keyboard.press('p');
    await hasStatus(open.page, 'Paused');
    other.kill('SIGKILL');
    await hasStatus(open.page, 'Waiting');
  });
});

describe('one event', () => {
  test('opens in full from its number, and can be copied as JSON', async () => {
    await using open = await openLive(browser, app, { permissions: ['clipboard-read', 'clipboard-write'] });
    await open.page.getByRole('button', { name: '#3', exact: true }).click();
    const dialog = open.page.getByRole('dialog', { name: 'message #3' });
    await dialog.getByRole('button', { name: 'Copy data' }).click();
    await dialog.getByRole('button', { name: 'Copied' }).waitFor();
    const copied = await open.page.evaluate(() => navigator.clipboard.readText());
    expect(JSON.parse(copied)).toEqual({ nested: { text: 'third', list: [1, 2] } });
    await open.page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(0);
  });

  test('opens with the key Enter, and returns the focus when it closes', async () => {
    await using open = await openLive(browser, app);
    await articles(open.page).first().focus();
    await open.page.keyboard.press('Enter');
    await open.page.getByRole('dialog').waitFor();
    await open.page.getByRole('button', { name: 'Close' }).click();
    expect(await open.page.locator('article:focus').count()).toBe(1);
  });
});

describe('the link of one event', () => {
  test('opens it again after a reload, also when older events must be loaded first', async () => {
    await using other = await startApp();
    const { text } = await publish(other, ['the wanted one']);
    const [id] = /\d+-\d+/.exec(text) ?? [];
    for (const batch of [60, 60])
      await store(
        other,
        Array.from({ length: batch }, () => 'later'),
      );
    await using open = await newPage(browser);
    await open.page.goto(`${other.url}/#${id}`);
    const dialog = open.page.getByRole('dialog', { name: 'message #1' });
    await dialog.getByText('the wanted one').waitFor();
    await open.page.reload();
    await dialog.waitFor();
    await open.page.keyboard.press('Escape');
    await open.page.waitForFunction(() => window.location.hash === '');
    expect(await dialog.count()).toBe(0);
  });

  test('says so when that event is gone, at once also while events arrive', async () => {
    await using small = await startApp({ FEED_RETENTION: '20' });
    const { text } = await publish(small, ['the lost one']);
    const [id] = /\d+-\d+/.exec(text) ?? [];
    await store(
      small,
      Array.from({ length: 200 }, () => 'later'),
    );
    const publishing = setInterval(() => store(small, ['live']).catch(() => undefined), 100);
    onTestFinished(() => clearInterval(publishing));
    await using open = await newPage(browser);
    await open.page.goto(`${small.url}/#${id}`);
    const dialog = open.page.getByRole('dialog', { name: 'This event is not here' });
    await dialog.getByText('The link names event #1,').waitFor();
    await dialog.getByText('The log keeps the last 20 events').waitFor();
    await open.page.keyboard.press('Escape');
    await open.page.waitForFunction(() => window.location.hash === '');
  });

  test.each(['#top', '#'])('is not what %s is', async (hash) => {
    await using open = await newPage(browser);
    await open.page.goto(`${app.url}/${hash}`);
    await hasStatus(open.page, 'Live');
    await open.page.waitForTimeout(2_500);
    expect(await open.page.getByRole('dialog').count()).toBe(0);
  });
});

describe('a chart', () => {
  const rates = (page: Page) => page.getByRole('slider', { name: 'Events in the last 5 minutes' });
  const marked = /^\d\d:\d\d:\d\d: (message|deploy) \d/;

  /** Waits until the text of the chart is like this. @returns the text. */
  async function says(page: Page, words: RegExp): Promise<string> {
    return eventually(`the chart says ${words}`, 30_000, async () => {
      const text = (await rates(page).getAttribute('aria-valuetext')) ?? '';
      return words.test(text) ? text : undefined;
    });
  }

  test('says its figures of the last minute, by type', async () => {
    await using open = await openLive(browser, app);
    await store(app, ['for the chart']);
    await says(open.page, /^the last minute: .*message [\d.]+\/s/);
  });

  test('says the time and the figures of the column under the pointer, until the pointer leaves', async () => {
    await using open = await openLive(browser, app);
    await store(app, ['for the chart']);
    const box = await rates(open.page).boundingBox();
    if (box === null) throw new Error('the chart is not shown');
    await eventually('a column with events is found', 30_000, async () => {
      for (let back = 2; back < 60; back += 5) {
        await open.page.mouse.move(box.x + box.width - back, box.y + box.height / 2);
        await open.page.waitForTimeout(60);
        if (marked.test((await rates(open.page).getAttribute('aria-valuetext')) ?? '')) return true;
      }
      return false;
    });
    const panel = open.page.getByRole('region', { name: 'Events' });
    expect(await panel.textContent()).toMatch(/\d\d:\d\d:\d\d .*(message|deploy) [\d.]+\/s/);
    await open.page.mouse.move(0, 0);
    await says(open.page, /^the last minute: /);
  });

  test('is walked through with the arrow keys, Home and End, and left with Escape', async () => {
    await using open = await openLive(browser, app);
    await rates(open.page).focus();
    const agoOf = async () => Number(await rates(open.page).getAttribute('aria-valuenow'));
    await open.page.keyboard.press('ArrowLeft');
    await says(open.page, /^\d\d:\d\d:\d\d: /);
    const first = await agoOf();
    for (let step = 0; step < 4; step += 1) await open.page.keyboard.press('ArrowLeft');
    await eventually('it has gone back', 30_000, async () => (await agoOf()) < first - 10);
    await open.page.keyboard.press('Home');
    await eventually('it is at the beginning', 30_000, async () => (await agoOf()) < -250);
    await open.page.keyboard.press('End');
    await eventually('it is at the end', 30_000, async () => (await agoOf()) > -20);
    await open.page.keyboard.press('Escape');
    await says(open.page, /^the last minute: /);
  });
});

describe('on a wall', () => {
  test('the page is larger, has no controls, and asks for a screen that stays on', async () => {
    await using open = await newPage(browser);
    await open.page.addInitScript(() => {
      const noted = globalThis as unknown as { locks: string[] };
      noted.locks = [];
      const request = async (type: string) => noted.locks.push(type);
      Object.defineProperty(navigator, 'wakeLock', { value: { request } });
    });
    await open.page.goto(`${app.url}/?view=wall`);
    await hasStatus(open.page, 'Live');
    expect(await open.page.getByRole('toolbar').count()).toBe(0);
    expect(await open.page.evaluate(() => (globalThis as unknown as { locks: string[] }).locks)).toContain(
      'screen',
    );
    const sizeOf = () => open.page.evaluate(() => getComputedStyle(document.documentElement).fontSize);
    const large = Number.parseFloat(await sizeOf());
    await open.page.goto(app.url);
    expect(large).toBeGreaterThan(Number.parseFloat(await sizeOf()));
  });
});

describe('the keys', () => {
  test('are listed in a help dialog, and can be switched off', async () => {
    await using open = await openLive(browser, app);
    await open.page.keyboard.press('?');
    await open.page.getByLabel('Use single-key shortcuts').uncheck();
    await open.page.keyboard.press('Escape');
    await open.page.keyboard.press('p');
    expect(await open.page.getByRole('button', { name: 'Pause' }).count()).toBe(1);
  });

  test('type text in an input', async () => {
    await using open = await openLive(browser, app);
    await open.page.keyboard.press('/');
    await open.page.keyboard.type('pct');
    expect(await open.page.getByLabel('Search').inputValue()).toBe('pct');
    expect(await open.page.getByRole('complementary').count()).toBe(0);
  });
});

describe('times', () => {
  const age = (page: Page) => page.locator('time').first().textContent();

  test('are shown as ages, and the choice is remembered', async () => {
    await using open = await openLive(browser, app);
    await open.page.keyboard.press('t');
    expect(await age(open.page)).toMatch(/^(now|\d+ (s|min) ago) /);
    await open.page.reload();
    await hasStatus(open.page, 'Live');
    expect(await age(open.page)).toMatch(/^(now|\d+ (s|min) ago) /);
  });

  test.each([-86_400_000, 86_400_000])('are plausible if the clock is off by %i ms', async (skewMs) => {
    await using open = await newPage(browser);
    await open.page.addInitScript((ms) => {
      const { now } = Date;
      Date.now = () => now() + ms;
    }, skewMs);
    await open.page.goto(app.url);
    await hasStatus(open.page, 'Live');
    await open.page.keyboard.press('t');
    await open.page.keyboard.press('c');
    await store(app, [`skewed by ${skewMs}`]);
    await shows(open.page, `skewed by ${skewMs}`);
    expect(await age(open.page)).toMatch(/^(now|\d s ago) /);
    const panel = open.page.getByRole('complementary', { name: 'Connection' });
    expect(await panel.textContent()).toMatch(skewMs > 0 ? /(1 d 0 h|23 h 59 min) ahead/ : /behind/);
  });

  const brokenStorage: Record<string, () => void> = {
    'denies local storage': () =>
      Object.defineProperty(window, 'localStorage', {
        get() {
          throw new DOMException('denied', 'SecurityError');
        },
      }),
    'has no space left': () => {
      Storage.prototype.setItem = () => {
        throw new DOMException('full', 'QuotaExceededError');
      };
    },
  };

  test.each(Object.entries(brokenStorage))('work if the browser %s', async (_, refuse) => {
    await using open = await newPage(browser);
    await open.page.addInitScript(refuse);
    await open.page.goto(app.url);
    await hasStatus(open.page, 'Live');
    await open.page.keyboard.press('t');
    expect(await age(open.page)).toMatch(/^(now|\d+ (s|min) ago) /);
    expect(open.seen.errors).toEqual([]);
  });
});

describe('the connection', () => {
  test('shows its state, its position and its history, with the cut and the return', async () => {
    using folder = makeTemporaryFolder();
    const env = { FEED_DB: join(folder.path, 'feed.db') };
    const first = await startApp(env);
    await store(first, ['first']);
    await using open = await openLive(browser, first);
    await open.page.keyboard.press('c');
    const panel = open.page.getByRole('complementary', { name: 'Connection' });
    await panel.getByText('Live on a stream').waitFor();
    await first[Symbol.asyncDispose]();
    await panel.getByText('Disconnected; waiting to reconnect').first().waitFor();
    await using _again = await startApp(env, first.port);
    await panel.getByText(/^A stream was lost/).waitFor();
    await hasStatus(open.page, 'Live');
    expect(await panel.textContent()).toMatch(/Cursor\d+-\d+~/);
  });

  test('is a ribbon that says in words which streams overlapped, and paints them', async () => {
    await using ending = await startApp({ STREAM_MAX_SECONDS: '5' });
    await store(ending, ['first']);
    await using open = await openLive(browser, ending);
    const ribbon = open.page.locator('canvas').first();
    await ribbon
      .locator('p')
      .filter({ hasText: /streams, [1-9]\d* opened before the last one ended, 0 lost; .* nothing missing/ })
      .waitFor({ state: 'attached', timeout: 60_000 });
    const colors = await ribbon.evaluate((element) => {
      const { width, height } = element as HTMLCanvasElement;
      const pixels = (element as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data;
      const found = new Set<string>();
      for (let at = 0; pixels !== undefined && at < pixels.length; at += 4) {
        if (pixels[at + 3] === 255)
          found.add(`#${[0, 1, 2].map((part) => pixels[at + part]?.toString(16).padStart(2, '0')).join('')}`);
      }
      return [...found];
    });
    expect(colors).toEqual(expect.arrayContaining(['#0b7a5b', '#4a7fe0']));
  });

  test('has no buttons for faults outside development', async () => {
    await using open = await openLive(browser, app);
    await open.page.keyboard.press('c');
    await open.page.getByRole('complementary').waitFor();
    expect(await open.page.getByRole('button', { name: 'Block streaming' }).count()).toBe(0);
  });
});

describe('another channel', () => {
  test('is opened by its name, and is rendered by the server', async () => {
    await publish(app, ['an order'], { channel: 'orders' });
    await using open = await newPage(browser, { javaScriptEnabled: false });
    await open.page.goto(app.url);
    await open.page.getByRole('button', { name: 'feed' }).click();
    await open.page.getByLabel('Channel', { exact: true }).fill('orders');
    await open.page.getByLabel('Channel', { exact: true }).press('Enter');
    await open.page.waitForURL('**/?channel=orders');
    expect(await readTexts(open.page)).toEqual(['an order']);
  });

  test('with an invalid name is refused with an explanation', async () => {
    await using open = await newPage(browser);
    await open.page.goto(`${app.url}/?channel=no+such+name`);
    expect(await open.page.getByRole('alert').first().textContent()).toContain(
      '"no such name" is not a valid name',
    );
  });

  test('is not shown to a user who may not read it', async () => {
    const secret = 'x'.repeat(40);
    await using closed = await startApp({ READ_TOKEN_SECRET: secret });
    await publish(closed, ['a secret'], { channel: 'private' });
    const { text } = await ask(closed, '/?channel=private');
    expect(text).toContain('is private');
    expect(text).not.toContain('a secret');
  });
});
