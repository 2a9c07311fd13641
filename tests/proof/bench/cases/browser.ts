import type { CDPSession, Page } from 'playwright-core';
import { startChromium } from '../../../support/browser/chromium.ts';
import { hasStatus, scriptsOf } from '../../../support/browser/page-steps.ts';
import { loadOf, type Stand, withStand } from '../stand.ts';
import type { Case, Size } from './case.ts';

/** The page of this feed in Chromium: what an event costs its main thread, its memory, and the bytes of its script. */
export const browserCases: readonly Case[] = [
  {
    name: 'browser',
    what: 'the live page in headless Chromium: 200 events a second, then 100,000 events; the script it loads by itself',
    contestants: ['steadfeed'],
    figures: [
      { name: 'main thread for one event', unit: 'ms', goals: [{ atMost: 1 }] },
      { name: 'main thread without events', unit: 'ms/s', goals: [] },
      { name: 'heap with the list full', unit: 'MB', goals: [] },
      {
        name: 'heap after all events',
        unit: 'MB',
        goals: [{ to: [{ own: 'heap with the list full' }], atMost: 1.05 }],
      },
      { name: 'script, gzip', unit: 'KB', goals: [{ atMost: 165 }] },
      { name: 'script, Brotli', unit: 'KB', goals: [{ atMost: 165 }] },
    ],
    run: (contestant, size) =>
      withStand(contestant, size, (stand) => measurePage(stand, size), { warmRequests: 0 }),
  },
];

/** Seconds for which the page is watched without events, and with them. */
const secondsOf: Readonly<Record<Size, number>> = { full: 20, smoke: 2 };

const eventsPerSecond = 200;

/** Events after which the list is full (the page keeps 20,000), and after which the heap is measured again. */
const eventsOf = { full: [30_000, 100_000], smoke: [600, 1_200] } as const satisfies Record<Size, unknown>;

/** Seconds that the page gets to render the last events and to come to rest. */
const restMs = 3_000;

async function measurePage(stand: Stand, size: Size) {
  const browser = await startChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
    await page.goto(`http://127.0.0.1:${stand.target.port}/`);
    await hasStatus(page, 'Live');
    const devtools = await page.context().newCDPSession(page);
    // The time that the thread has run, not the time that has passed: other processes do not count.
    await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.waitForTimeout(restMs);

    const seconds = secondsOf[size];
    const restingMs = await mainThreadMs(devtools, () => page.waitForTimeout(seconds * 1_000));
    const events = eventsPerSecond * seconds;
    let load = 0;
    const busyMs = await mainThreadMs(devtools, async () => {
      const result = await stand.publish({ events, batch: 4, everyMs: 20, isWaiting: false });
      load = loadOf(result);
      await shows(page, events);
    });

    const [full, all] = eventsOf[size];
    const heaps: number[] = [];
    let published = events;
    for (const until of [full, all]) {
      const left = until - published;
      await stand.publish({ events: left, batch: 200, everyMs: 100, isWaiting: false });
      published = until;
      await shows(page, published);
      heaps.push(await heapOf(devtools, page));
    }
    const script = await scriptsOf(page);
    return {
      figures: {
        'main thread for one event': busyMs / events,
        'main thread without events': restingMs / seconds,
        'heap with the list full': heaps[0] ?? Number.NaN,
        'heap after all events': heaps[1] ?? Number.NaN,
        'script, gzip': script.gzip,
        'script, Brotli': script.brotli,
      },
      clientLoad: load,
    };
  } finally {
    await browser.close();
  }
}

/** CPU time of the page's main thread while `act` runs. */
async function mainThreadMs(devtools: CDPSession, act: () => Promise<unknown>): Promise<number> {
  const read = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN) * 1_000;
  };
  const before = await read();
  await act();
  return (await read()) - before;
}

/** Waits until the list shows the event with this number. */
async function shows(page: Page, seq: number): Promise<void> {
  await page.waitForFunction(
    (wanted) =>
      document.querySelector('[role=feed] [title^="id "]')?.getAttribute('title')?.endsWith(`-${wanted}`),
    seq,
    { timeout: 60_000, polling: 500 },
  );
}

/** The page's heap after garbage collection, in MB. */
async function heapOf(devtools: CDPSession, page: Page): Promise<number> {
  await page.waitForTimeout(restMs);
  for (let time = 0; time < 3; time += 1) await devtools.send('HeapProfiler.collectGarbage');
  const { usedSize } = await devtools.send('Runtime.getHeapUsage');
  return usedSize / 1e6;
}
