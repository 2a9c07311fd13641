import type { Page } from 'playwright-core';
import { hostsChannel, jobSubject } from '../../../app/_feed/state/demo-channels.ts';
import { handoverFrame, helloFrame } from '../../../lib/core/sse-frames.ts';
import type { App } from '../node/app-process.ts';
import { range, store } from '../node/publish.ts';
import { hasStatus, shows } from './page-steps.ts';

/** Data of each shape that the list lays out in its own way. */
export const mixedData = [
  'a text',
  'x'.repeat(5_000),
  { user: 'ada', action: 'deploy', ok: true },
  { a: { b: range(1, 100) } },
  [1, 2, 3],
];

/** Settings of the app under which the page can be led to each of the states. Streams end soon. */
export const settingsForStates = { STREAM_MAX_SECONDS: '15' } as const;

/** Leads the live page of `app` to a state. */
type Reach = (page: Page, app: Pick<App, 'url'>) => Promise<void>;

/** Holds the answers of all streams that are opened from now on. */
const holdStreams = (page: Page) => page.route('**/api/stream*', () => undefined);

/** The states of the page, each with the steps that lead to it from the live page. */
export const pageStates: Readonly<Record<string, Reach>> = {
  live: async () => {},
  'on a wall': async (page, app) => {
    await page.goto(`${app.url}/?view=wall`);
    await hasStatus(page, 'Live');
  },
  connecting: async (page) => {
    await holdStreams(page);
    await page.reload();
    await hasStatus(page, 'Connecting');
  },
  'handing over': async (page) => {
    await holdStreams(page);
    await hasStatus(page, 'Handing over');
  },
  'scrolled, with new events': async (page, app) => {
    await page.evaluate(() => window.scrollTo(0, 1_000));
    await store(app, mixedData);
    await page.getByRole('button', { name: /^\d+ new/ }).waitFor();
  },
  'with a text unfolded': (page) => page.locator('summary').first().click(),
  'paused by its reader': async (page) => {
    await page.keyboard.press('p');
    await hasStatus(page, 'Paused');
  },
  'filtered to nothing': async (page) => {
    await page.getByLabel('Search').fill('no such text');
    await page.getByRole('button', { name: 'Show all' }).waitFor();
  },
  'with its channels': async (page) => {
    await page.getByRole('button', { name: 'feed' }).click();
    await page.getByLabel('Channel', { exact: true }).waitFor();
  },
  'with one event open': async (page) => {
    await page.locator('article button').first().click();
    await page.getByRole('dialog').waitFor();
  },
  'with the link of an event that is gone': async (page, app) => {
    // Only the hash differs: without another page between, the browser would load nothing.
    await page.goto('about:blank');
    await page.goto(`${app.url}/#1000-1`);
    await page.getByRole('dialog', { name: 'This event is not here' }).waitFor();
  },
  'with its keys explained': async (page) => {
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  },
  'with the connection shown': async (page) => {
    await page.keyboard.press('c');
    await page.getByRole('complementary').waitFor();
  },
  'with times as ages': async (page) => {
    await page.keyboard.press('t');
    await page.getByRole('button', { name: 'Ages', pressed: true }).waitFor();
  },
  'with a chart marked': async (page) => {
    await page.getByRole('slider').first().focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
  },
  'read by another tab': async (page, app) => {
    await page.goto('about:blank');
    const other = await page.context().newPage();
    await other.goto(app.url);
    await hasStatus(other, 'Live');
    await page.goto(app.url);
    await hasStatus(page, 'Live');
    await page.keyboard.press('c');
    await page.getByRole('complementary').getByText('another tab', { exact: true }).waitFor();
  },
  waiting: async (page) => {
    await page.route('**/api/*', (route) => route.abort());
    await page.reload();
    await hasStatus(page, 'Waiting');
  },
  polling: async (page) => {
    await page.route('**/api/stream*', (route) => route.fulfill({ status: 502, body: '' }));
    await page.reload();
    await hasStatus(page, 'Polling');
  },
  offline: async (page) => {
    await page.context().setOffline(true);
    await hasStatus(page, 'Offline');
  },
  resting: async (page) => {
    await page.route('**/api/stream*', (route) => {
      const cursor = new URL(route.request().url()).searchParams.get('after') ?? '0-0';
      const hello = { cursor, heartbeatMs: 15_000, deadlineMs: 60_000, version: '0.1.0' };
      const handover = { reason: 'quiet', closesInMs: 1_000, everyMs: 30_000 } as const;
      const body = helloFrame(hello, 1_000) + handoverFrame(cursor, handover);
      return route.fulfill({ contentType: 'text/event-stream', body });
    });
    await page.reload();
    await hasStatus(page, 'Resting');
  },
  stopped: async (page) => {
    const problem = { type: 'about:blank', title: 'Forbidden', status: 403, detail: 'channel: not for you' };
    const contentType = 'application/problem+json';
    await page.route('**/api/*', (route) => route.fulfill({ status: 403, contentType, json: problem }));
    await page.reload();
    await hasStatus(page, 'Stopped');
  },
};

/** States that need an app with other settings, or a page that has been open for minutes. */
export const otherStates: Readonly<
  Record<string, { readonly settings: Readonly<Record<string, string>>; readonly reach: Reach }>
> = {
  'after a gap': {
    settings: { FEED_RETENTION: '5', STREAM_MAX_SECONDS: '15' },
    reach: async (page, app) => {
      await page.context().setOffline(true);
      await hasStatus(page, 'Offline');
      // More than the process keeps in memory, where it would find what the log has lost.
      for (const _ of range(1, 10))
        await store(
          app,
          range(1, 5).map(() => 'x'.repeat(60_000)),
        );
      await store(app, mixedData);
      await page.context().setOffline(false);
      await shows(page, 'gone');
      await hasStatus(page, 'Live');
    },
  },
  resting: {
    settings: { QUIET_SECONDS: '2', STREAM_MAX_SECONDS: '15' },
    reach: (page) => hasStatus(page, 'Resting'),
  },
  'with a table of hosts': {
    settings: { DEMO_HOSTS: 'on' },
    reach: async (page, app) => {
      const machine = { busyPercent: 42, memoryMegabytes: 12_400, load: 1.58 };
      const of = (subject: string) => ({ channel: hostsChannel, type: 'host', subject });
      await store(app, [machine], of('web-1'));
      await store(app, [{ busyPercent: 3.1, memoryMegabytes: 171, load: null }], of('web-1:app'));
      await store(app, [machine], of('build-machine-with-a-long-name'));
      await store(app, [{ channel: 'public:job' }], {
        channel: hostsChannel,
        type: 'job',
        subject: jobSubject,
      });
      await store(app, [{ done: 80, total: 197 }], { channel: 'public:job' });
      await page.getByText('Hosts now').and(page.locator(':visible')).first().waitFor();
      const title = page.getByRole('button', { name: /^Hosts now/ });
      if (await title.isVisible()) await title.click();
      await page.getByText('80 of 197 files.').waitFor();
    },
  },
  'with 20,000 events': {
    settings: { FEED_RETENTION: '30000' },
    reach: async (page, app) => {
      for (const first of range(0, 39)) await store(app, range(first * 500 + 1, first * 500 + 500));
      await page.getByText('20,000', { exact: true }).first().waitFor({ timeout: 60_000 });
    },
  },
};
