import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChromium, watch } from '../../support/browser/chromium.ts';
import { startMeddlingProxy } from '../../support/browser/meddling-proxy.ts';
import { quickToDraw, readWhole } from '../../support/browser/page-steps.ts';
import { type App, type AppEnvironment, startApp } from '../../support/node/app-process.ts';
import { eventually } from '../../support/node/eventually.ts';
import { startRedisStand } from '../../support/node/redis-stand.ts';
import { secrets } from '../../support/node/secrets.ts';
import { root } from '../../support/root.ts';

/** The first 2,000 lines of a real file. */
const lines = readFileSync(`${root}package-lock.json`, 'utf8').split('\n').slice(0, 2_000);

const settings = { STREAM_MAX_SECONDS: '10', PROBE_MAX_SECONDS: '15' };

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

/** Pipes the lines into `npm run push`, at a pace that spans several streams. */
function pushLines(app: App, linesPerSecond: number) {
  const args = ['scripts/push.ts', '--url', app.url, '--rate', String(linesPerSecond), '--batch', '20'];
  const env = { ...process.env, PUBLISH_TOKEN: secrets.publishToken };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['pipe', 'ignore', 'pipe'] });
  let printed = '';
  child.stderr.on('data', (text) => (printed += text));
  child.stdin.end(`${lines.join('\n')}\n`);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { ended, printed: () => printed, stop: () => child.kill('SIGKILL') };
}

async function openPage(url: string) {
  const context = await browser.newContext(quickToDraw);
  const page = await context.newPage();
  const seen = await watch(page);
  await page.goto(url);
  return { page, seen, close: () => context.close() };
}

/** Checks that every line is in the page once, newest on top. */
async function expectEachLineOnceInOrder(page: Page): Promise<void> {
  await eventually('the last line is in the page', 30_000, async () => {
    const marks = page.locator(`[title^="id "][title$="-${lines.length}"]`);
    return (await marks.count()) === 1;
  });
  const read = await readWhole(page);
  expect(read.map(({ id }) => Number(id.split('-')[1]))).toEqual(lines.map((_, at) => lines.length - at));
  expect(read.map(({ text }) => text)).toEqual(lines.toReversed());
}

const logs: readonly { readonly log: string; readonly open: () => Promise<LogStand> }[] = [
  { log: 'the embedded log', open: async () => ({ env: {}, async [Symbol.asyncDispose]() {} }) },
  { log: 'Redis', open: startRedisStand },
];
type LogStand = AsyncDisposable & { readonly env: AppEnvironment };

describe.concurrent.for(logs)('2,000 lines of a real file, with $log', ({ open }) => {
  test('appear once each, in order, across at least two handovers', async ({ expect }) => {
    await using stand = await open();
    await using app = await startApp({ ...settings, ...stand.env });
    const { page, seen, close } = await openPage(app.url);
    await eventually('the page is live', 30_000, async () => (await seen.status()) === 'Live');

    const push = pushLines(app, 90);
    expect(await push.ended, push.printed()).toBe(0);

    await expectEachLineOnceInOrder(page);
    const statuses = await seen.statuses();
    expect(statuses.filter((word) => word === 'Handing over').length).toBeGreaterThanOrEqual(2);
    // Where the machine is so busy that a stream is late by seconds, polls help for a while.
    const expected = ['Connecting', 'Live', 'Handing over', 'Polling'];
    expect(statuses.filter((word) => !expected.includes(word))).toEqual([]);
    expect(seen.errors).toEqual([]);
    await close();
  });

  test('appear once each, in order, behind a proxy that buffers, and streaming comes back when it stops', async ({
    expect,
  }) => {
    await using stand = await open();
    await using app = await startApp({ ...settings, ...stand.env });
    await using proxy = await startMeddlingProxy(app.url);
    proxy.buffer(true);
    const { page, seen, close } = await openPage(proxy.url);
    const push = pushLines(app, 70);

    await eventually('polling takes over', 30_000, async () => (await seen.status()) === 'Polling');
    await eventually('lines appear', 30_000, async () => (await seen.shown()).length > 0);
    await sleep(8_000);
    expect(await seen.status()).toBe('Polling');
    proxy.buffer(false);
    await eventually('streaming is back', 30_000, async () => (await seen.status()) === 'Live');

    expect(await push.ended, push.printed()).toBe(0);
    await expectEachLineOnceInOrder(page);
    expect(seen.errors).toEqual([]);
    await close();
  });
});
