import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChromium } from '../../support/browser/chromium.ts';
import { openLive } from '../../support/browser/page-steps.ts';
import { startApp } from '../../support/node/app-process.ts';
import { range, store } from '../../support/node/publish.ts';

/** The longest time that a frame may take. */
const maxFrameMs = 50;

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});
afterAll(() => browser.close());

const machine = (number: number) => ({
  load: number % 4,
  memoryUsedPercent: 41.2,
  diskUsedPercent: 63.1,
  uptimeSeconds: number,
  eventLoopDelayMs: 1.4,
});
const mixed = (number: number) => (number % 3 === 0 ? machine(number) : `word ${number}`);

/** Publishes `count` events at `perSecond`, in batches of ten. */
async function storePaced(app: { readonly url: string }, count: number, perSecond: number): Promise<void> {
  const startedAt = performance.now();
  for (let done = 0; done < count; done += 10) {
    await store(app, range(done + 1, done + 10).map(mixed));
    await sleep(Math.max(0, startedAt + ((done + 10) / perSecond) * 1_000 - performance.now()));
  }
}

type TraceEvent = {
  readonly name: string;
  readonly tdur?: number;
  readonly pid: number;
  readonly tid: number;
};

/**
 * The longest task of the page's main thread while `act` runs, in ms of that thread's own CPU time: other processes do
 * not count.
 */
async function longestTask(page: Page, act: () => Promise<void>): Promise<number> {
  await browser.startTracing(page, {
    categories: ['devtools.timeline', 'disabled-by-default-devtools.timeline', '__metadata'],
  });
  await act();
  const trace = JSON.parse(String(await browser.stopTracing())) as {
    traceEvents: (TraceEvent & { args?: { name?: string } })[];
  };
  const mains = trace.traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  );
  const tasks = trace.traceEvents.filter(
    ({ name, pid, tid }) => name === 'RunTask' && mains.some((main) => main.pid === pid && main.tid === tid),
  );
  expect(tasks.length).toBeGreaterThan(100);
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1_000;
}

/** Runs in the page: records the longest pause between two frames, and the longest task, by the wall clock. */
function watchFrames(): void {
  const noted = globalThis as unknown as { pauseMs: number; taskMs: number };
  noted.pauseMs = 0;
  noted.taskMs = 0;
  let last = performance.now();
  const note = (now: number) => {
    noted.pauseMs = Math.max(noted.pauseMs, now - last);
    last = now;
    requestAnimationFrame(note);
  };
  requestAnimationFrame(note);
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) noted.taskMs = Math.max(noted.taskMs, duration);
  }).observe({ type: 'longtask' });
}

test.each(['at the top', 'scrolled away', 'with a filter'])(
  'with 20,000 events and 200 more a second, no frame takes over 50 ms: %s',
  async (view) => {
    await using app = await startApp({ FEED_RETENTION: '30000' });
    await using open = await openLive(browser, app);
    for (const batch of range(0, 39)) await store(app, range(batch * 500 + 1, batch * 500 + 500).map(mixed));
    await open.page.getByText('20,000', { exact: true }).first().waitFor();
    if (view === 'scrolled away') await open.page.evaluate(() => window.scrollTo(0, 100_000));
    if (view === 'with a filter') await open.page.getByLabel('Search').fill('word');
    await sleep(1_000);
    await open.page.evaluate(watchFrames);
    const longestMs = await longestTask(open.page, () => storePaced(app, 1_600, 200));
    const wall = await open.page.evaluate(() => {
      const { pauseMs, taskMs } = globalThis as unknown as { pauseMs: number; taskMs: number };
      return { pauseMs, taskMs };
    });
    expect(longestMs, `by the wall clock: ${JSON.stringify(wall)}`).toBeLessThanOrEqual(maxFrameMs);
  },
);

/** Runs in the page: counts the frames that its code asks for. */
function countFrames(): void {
  const counted = globalThis as unknown as { frames: number };
  counted.frames = 0;
  const request = globalThis.requestAnimationFrame.bind(globalThis);
  globalThis.requestAnimationFrame = (callback) => {
    counted.frames += 1;
    return request(callback);
  };
}

test('while nothing happens, the page asks for few frames: each costs the browser about a millisecond', async () => {
  await using app = await startApp();
  await using open = await openLive(browser, app);
  await open.page.getByText(/^−\d/).waitFor();
  await open.page.evaluate(countFrames);
  const seconds = 5;
  await sleep(seconds * 1_000);
  const frames = await open.page.evaluate(() => (globalThis as unknown as { frames: number }).frames);
  // The ribbon ten times a second, each of two charts once.
  expect(frames).toBeGreaterThan(0);
  expect(frames).toBeLessThan(15 * seconds);
});
