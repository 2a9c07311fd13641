import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { openLive } from '../../support/browser/page-steps.ts';
import { type App, startApp } from '../../support/node/app-process.ts';
import { store } from '../../support/node/publish.ts';

const mixed = [
  'a text',
  'unbroken'.repeat(70),
  'x'.repeat(5_000),
  { user: 'ada', action: 'deploy', ok: true },
  { ['k'.repeat(40)]: 'v'.repeat(120) },
  { a: { b: Array.from({ length: 100 }, (_, index) => index) } },
  [1, 2, 3],
];

let browser: Browser;
let app: App;
beforeAll(async () => {
  browser = await startChromium();
  app = await startApp();
  await store(app, mixed);
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await browser.close();
});

describe.each(['light', 'dark'] as const)('in %s colours', (colorScheme) => {
  test.each(['live', 'moving', 'resting', 'stopped'])(
    'every text has enough contrast when the feed is %s',
    async (tone) => {
      await using open = await openLive(browser, app, { colorScheme });
      await open.page.locator('summary').first().click();
      await open.page
        .locator('[data-tone]')
        .evaluate((root, value) => root.setAttribute('data-tone', value), tone);
      const texts = await open.page.evaluate(measureContrasts);
      expect(texts.length).toBeGreaterThan(30);
      expect(texts.filter(({ ratio }) => !(ratio >= 4.5))).toEqual([]);
    },
  );
});

test('the two colour schemes differ', async () => {
  const backgrounds = new Set<string>();
  for (const colorScheme of ['light', 'dark'] as const) {
    await using open = await openLive(browser, app, { colorScheme });
    backgrounds.add(
      await open.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor),
    );
  }
  expect(backgrounds.size).toBe(2);
});

test.each([360, 768, 1_280, 2_560])(
  'nothing scrolls sideways at %i px, whatever the data is',
  async (width) => {
    await using open = await openLive(browser, app, { viewport: { width, height: 740 } });
    for (const summary of await open.page.locator('summary').all()) await summary.click();
    const widest = await open.page.evaluate(() => document.documentElement.scrollWidth);
    expect(widest).toBe(width);
  },
);

test.each([
  [360, 2],
  [1_280, 1],
])('at %i px a row of the demo has %i lines, whatever its figures are', async (width, lines) => {
  await using own = await startApp();
  const machine = {
    load: 1_234.56,
    memoryUsedPercent: 100,
    diskUsedPercent: 100,
    eventLoopDelayMs: 123_456.7,
  };
  await store(own, [{ ...machine, uptimeSeconds: 1e9 }], { type: 'machine' });
  await store(own, [{ name: 'a-long-name'.repeat(9), pid: 4_194_304, state: 'started' }], {
    type: 'process',
  });
  const text = 'a subject of a commit that is longer than a row of the list can be. '.repeat(4);
  await store(own, [{ commit: '0123456', text, author: 'A. N. Author-of-a-long-Name' }], { type: 'commit' });
  await using open = await openLive(browser, own, { viewport: { width, height: 740 } });
  const line = 20;
  const heights = await open.page
    .getByRole('article')
    .evaluateAll((rows) => rows.map((row) => row.clientHeight));
  expect(heights).toHaveLength(3);
  for (const height of heights) expect(Math.floor(height / line)).toBe(lines);
});

test('nothing moves for a user who prefers reduced motion', async () => {
  await using open = await openLive(browser, app, { reducedMotion: 'reduce' });
  await store(app, ['fresh']);
  await open.page.getByRole('article').filter({ hasText: 'fresh' }).first().waitFor();
  expect(await open.page.evaluate(() => document.getAnimations().length)).toBe(0);
});

/** Runs in the page: the contrast of every text with its background (WCAG 2.2, "contrast ratio"). */
function measureContrasts(): { readonly text: string; readonly ratio: number }[] {
  const channels = (color: string) => {
    const numbers = (color.match(/[\d.]+/g) ?? []).map(Number);
    // A mixed colour is written as `color(srgb 0.9 0.5 0.1)`, every other one as `rgb(230, 128, 26)`.
    return color.startsWith('color(')
      ? numbers.map((value, index) => (index < 3 ? value * 255 : value))
      : numbers;
  };
  const luminance = (color: string) => {
    const [r = 0, g = 0, b = 0] = channels(color).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backgroundOf = (element: Element | null): string => {
    if (element === null) return 'rgb(255, 255, 255)';
    const color = getComputedStyle(element).backgroundColor;
    return channels(color)[3] === 0 ? backgroundOf(element.parentElement) : color;
  };
  const isText = (node: Node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '';
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.checkVisibility() && [...element.childNodes].some(isText))
    .map((element) => {
      const lights = [getComputedStyle(element).color, backgroundOf(element)].map(luminance);
      const ratio = (Math.max(...lights) + 0.05) / (Math.min(...lights) + 0.05);
      return { text: (element.textContent ?? '').slice(0, 40), ratio };
    });
}
