import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { hasStatus } from '../../support/browser/page-steps.ts';
import { startApp } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { eventually } from '../../support/node/eventually.ts';
import { runScript, type ScriptProcess } from '../../support/scripts/script-process.ts';

let browser: Browser;
const scripts: ScriptProcess[] = [];
beforeAll(async () => {
  browser = await startChromium();
});
afterEach(async () => {
  // SIGINT, not SIGKILL: a killed demo cannot end its app.
  for (const { child, code } of scripts.splice(0)) {
    child.kill('SIGINT');
    await code;
  }
});
afterAll(() => browser.close());

/** The page of a demo on Redis, with the panel beside its list. */
async function openDemo(): Promise<{ readonly page: Page; readonly panel: Locator }> {
  const script = runScript('demo', ['--port', '0', '--redis']);
  scripts.push(script);
  const url = await eventually(
    `the demo publishes; it printed: ${script.out()}${script.err()}`,
    90_000,
    () => /(http:\/\/localhost:\d+)\n.*-\d+\n.*-\d+\n/s.exec(script.out())?.[1],
  );
  const page = await browser.newPage();
  await page.goto(url);
  await hasStatus(page, 'Live');
  const panel = page.getByRole('group', { name: 'Try to break it' });
  await panel.waitFor();
  return { page, panel };
}

/** The numbers below the buttons, by their words. */
async function readCount(panel: Locator): Promise<Readonly<Record<string, number>>> {
  const parts = await panel.getByRole('listitem').allTextContents();
  return Object.fromEntries(
    parts.map((part) => {
      const [number = '', ...words] = part.split(' ');
      return [words.join(' '), Number(number.replaceAll(',', ''))];
    }),
  );
}

describe('the buttons that break the demo', () => {
  test('do it for real, and every event is shown once all the same, or reported as gone', async () => {
    const { page, panel } = await openDemo();
    const press = async (name: string, said: RegExp) => {
      await panel.getByRole('button', { name: new RegExp(`^${name}`) }).click();
      await panel.getByText(said).waitFor({ timeout: 60_000 });
    };
    /** All that is published is shown: the newest event too. */
    const caughtUp = () =>
      eventually('the page has caught up', 60_000, async () => {
        const count = await readCount(panel);
        return (count['not read yet'] ?? 0) === 0 ? count : undefined;
      });

    await press('Cut', /^All connections were cut \([1-9]\d*\)/);
    await press('Block streams', /^Streams were held back/);
    await press('Block all', /^The feed could not be reached/);
    await press('Freeze server', /^The server stood still/);
    await press('Restart server', /^The server runs in a new process/);
    await press('Lose Redis', /^Redis answered nothing/);
    await press('Mute Redis', /^No announcement/);
    await press('Burst', /^1,000 events were published\.$/);
    await hasStatus(page, 'Live');
    const before = await caughtUp();
    expect(before).toMatchObject({ missing: 0, twice: 0 });
    expect(before['gone and reported']).toBeUndefined();
    expect(before.shown).toBeGreaterThan(1_000);
    expect(before.shown).toBe(before.published);

    await press('Trim the log', /^6,000 events were published/);
    // The gap itself is thousands of rows below the newest event.
    await eventually('the panel counts the events that are gone', 60_000, async () =>
      ((await readCount(panel))['gone and reported'] ?? 0) > 0 ? true : undefined,
    );
    const after = await caughtUp();
    expect(after).toMatchObject({ 'more missing': 0, twice: 0 });
    expect(after['gone and reported']).toBeGreaterThan(0);
    expect((after.shown ?? 0) + (after['gone and reported'] ?? 0)).toBe(after.published);
  });

  test('are not in an app in production: it has no such route, and its page no such code', async () => {
    await using app = await startApp({ DEMO_FAULTS: '' });
    const page = await browser.newPage();
    const scriptsOfPage: string[] = [];
    page.on('response', async (response) => {
      if (response.url().endsWith('.js')) scriptsOfPage.push(await response.text().catch(() => ''));
    });
    await page.goto(app.url);
    await hasStatus(page, 'Live');
    await page.keyboard.press('c');
    await page.getByRole('complementary', { name: 'Connection' }).waitFor();

    expect(await page.getByRole('group', { name: /^Try to break it/ }).count()).toBe(0);
    expect(scriptsOfPage.length).toBeGreaterThan(0);
    for (const title of ['Try to break it', 'Hosts now']) expect(scriptsOfPage.join('')).not.toContain(title);
    for (const path of ['/demo/state', '/demo/cut']) {
      expect((await ask(app, path, { headers: { 'sec-fetch-site': 'same-origin' } })).status).toBe(404);
      expect((await ask(app, path, { method: 'POST' })).status).toBe(404);
    }
  });
});
