import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { hostsChannel, jobSubject } from '../../../app/_feed/state/demo-channels.ts';
import { handoverFrame, helloFrame } from '../../../lib/core/sse-frames.ts';
import { range, store } from '../node/publish.ts';
import { secrets } from '../node/secrets.ts';
import { runScript } from '../scripts/script-process.ts';
import { hasStatus } from './page-steps.ts';

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

/** The app of a state. */
export type StateApp = {
  readonly url: string;
  /** The file of its log (`FEED_DB`), alone in its folder. */
  readonly logFile: string;
};

/** A state of the page. */
export type PageState = {
  /** The address that it begins at. Default: the live page. */
  readonly path?: string;
  /** Leads the page to the state. Default: the address alone does. */
  reach?(page: Page, app: StateApp): Promise<unknown>;
  /** What the page shows in this state, and not before it. */
  sign(page: Page): Locator;
};

type States = Readonly<Record<string, PageState>>;

/** Opens the page of `app` and leads it to a state. */
export async function openState(page: Page, app: StateApp, state: PageState): Promise<void> {
  await page.goto(`${app.url}${state.path ?? '/'}`);
  if (state.path === undefined) await hasStatus(page, 'Live');
  await state.reach?.(page, app);
  await state.sign(page).first().waitFor({ timeout: 120_000 });
}

const status = (word: string) => (page: Page) => page.getByRole('status').filter({ hasText: word });
const article = (text: string) => (page: Page) => page.getByRole('article').filter({ hasText: text });
const dialog = (name: string | RegExp) => (page: Page) => page.getByRole('dialog', { name });

/** Opens panels that a narrow page shows as titles only. */
async function openPanels(page: Page, ...names: readonly RegExp[]): Promise<void> {
  for (const name of names) {
    await page.getByRole('group', { name }).waitFor({ timeout: 30_000 });
    const title = page.getByRole('button', { name, expanded: false });
    if (await title.isVisible()) await title.click();
  }
}

/** Holds the answers of all streams that are opened from now on. */
const holdStreams = (page: Page) => page.route('**/api/stream*', () => undefined);

/** Answers all requests of the feed with a problem, from the next load of the page on. */
async function refuse(
  page: Page,
  problem: { readonly status: number; readonly title: string; readonly detail: string },
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const contentType = 'application/problem+json';
  const json = { type: 'about:blank', ...problem };
  await page.route('**/api/*', (route) =>
    route.fulfill({ status: problem.status, headers: { ...headers, 'content-type': contentType }, json }),
  );
  await page.reload();
}

/** The states of the page, each with the steps that lead to it. */
export const pageStates: States = {
  live: { sign: status('Live') },
  'on a wall': { path: '/?view=wall', sign: (page) => page.locator('[data-view=wall]:has(article)') },
  connecting: {
    async reach(page) {
      await holdStreams(page);
      // On a slow machine the state could be over before the page has loaded whole.
      await page.reload({ waitUntil: 'commit' });
    },
    sign: status('Connecting'),
  },
  'handing over': { reach: holdStreams, sign: status('Handing over') },
  'scrolled, with new events': {
    async reach(page, app) {
      await page.evaluate(() => window.scrollTo(0, 1_000));
      await store(app, mixedData);
    },
    sign: (page) => page.getByRole('button', { name: /^\d+ new/ }),
  },
  'with a text unfolded': {
    reach: (page) => page.locator('summary').first().click(),
    sign: (page) => page.locator('details[open] pre'),
  },
  'paused by its reader': { reach: (page) => page.keyboard.press('p'), sign: status('Paused') },
  'filtered to nothing': {
    reach: (page) => page.getByLabel('Search').fill('no such text'),
    sign: (page) => page.getByRole('button', { name: 'Show all' }),
  },
  'with its channels': {
    reach: (page) => page.getByRole('button', { name: 'feed' }).click(),
    sign: (page) => page.getByLabel('Channel', { exact: true }),
  },
  'with one event open': {
    reach: (page) => page.locator('article button').first().click(),
    sign: dialog(/#\d/),
  },
  'with the link of an event that is gone': { path: '/#1000-1', sign: dialog('This event is not here') },
  'with its keys explained': {
    reach: (page) => page.keyboard.press('?'),
    sign: dialog('Help'),
  },
  'with the connection shown': {
    reach: (page) => page.keyboard.press('c'),
    sign: (page) => page.getByRole('complementary'),
  },
  'with times as ages': {
    reach: (page) => page.keyboard.press('t'),
    sign: (page) => page.getByRole('button', { name: 'Ages', pressed: true }),
  },
  'with a chart marked': {
    async reach(page) {
      await page.getByRole('slider').first().focus();
      await page.keyboard.press('ArrowLeft');
      await page.keyboard.press('ArrowLeft');
    },
    sign: (page) => page.getByRole('slider').first().and(page.locator(':focus')),
  },
  'read by another tab': {
    async reach(page, app) {
      await page.goto('about:blank');
      const other = await page.context().newPage();
      await other.goto(app.url);
      await hasStatus(other, 'Live');
      await page.goto(app.url);
      await hasStatus(page, 'Live');
      await page.keyboard.press('c');
    },
    sign: (page) => page.getByRole('complementary').getByText('another tab', { exact: true }),
  },
  waiting: {
    async reach(page) {
      await page.route('**/api/*', (route) => route.abort());
      await page.reload();
    },
    sign: status('Waiting'),
  },
  'waiting for as long as the server says': {
    reach: (page) =>
      refuse(
        page,
        {
          status: 503,
          title: 'Too many open streams',
          detail:
            'This process holds 1,000 streams and waiting polls, its maximum (STREAM_MAX_CONNECTIONS). Poll without wait, or try again in a few seconds.',
        },
        { 'retry-after': '90' },
      ),
    sign: (page) => page.getByRole('timer').filter({ hasText: /in \d+ s/ }),
  },
  polling: {
    async reach(page) {
      await page.route('**/api/stream*', (route) => route.fulfill({ status: 502, body: '' }));
      await page.reload();
    },
    sign: status('Polling'),
  },
  'polling because streams are held back': {
    async reach(page) {
      await holdStreams(page);
      await page.reload();
    },
    sign: status('holds streams back'),
  },
  offline: { reach: (page) => page.context().setOffline(true), sign: status('Offline') },
  resting: {
    async reach(page) {
      await page.route('**/api/stream*', (route) => {
        const cursor = new URL(route.request().url()).searchParams.get('after') ?? '0-0';
        const hello = { cursor, heartbeatMs: 15_000, deadlineMs: 60_000, version: '0.1.0' };
        const handover = { reason: 'quiet', closesInMs: 1_000, everyMs: 30_000 } as const;
        const body = helloFrame(hello, 1_000) + handoverFrame(cursor, handover);
        return route.fulfill({ contentType: 'text/event-stream', body });
      });
      await page.reload();
    },
    sign: status('Resting'),
  },
  stopped: {
    reach: (page) =>
      refuse(page, {
        status: 403,
        title: 'Forbidden',
        detail: 'This token does not cover the channel "orders". Ask for a token that does.',
      }),
    sign: status('Stopped'),
  },
  'of a channel that has ended': {
    async reach(page, app) {
      const channel = `job-${randomInt(1e6)}`;
      await store(app, range(1, 3), { channel });
      await store(app, ['done'], { channel, end: true });
      await page.goto(`${app.url}/?channel=${channel}`);
    },
    sign: status('Ended'),
  },
  empty: { path: '/?channel=empty', sign: (page) => page.getByRole('heading', { name: 'No events yet' }) },
  'of a channel that cannot be read': {
    path: '/?channel=no+such+name',
    sign: (page) => page.getByRole('alert'),
  },
};

/** States that need an app with other settings, an app of their own, or a page that has been open for minutes. */
export const otherStates: Readonly<
  Record<string, PageState & { readonly settings: Readonly<Record<string, string>> }>
> = {
  'after a gap': {
    settings: { FEED_RETENTION: '5', STREAM_MAX_SECONDS: '15' },
    async reach(page, app) {
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
    },
    sign: article('gone'),
  },
  'after a restart of the log': {
    settings: {},
    async reach(_, app) {
      const forget = runScript('forget', ['--channel', 'feed', '--yes'], { FEED_DB: app.logFile });
      if ((await forget.code) !== 0) throw new Error(`the channel was not deleted: ${forget.err()}`);
      await store(app, mixedData);
    },
    sign: article('The log was restarted here'),
  },
  'without an answer of the log': {
    settings: {},
    async reach(page, app) {
      rmSync(dirname(app.logFile), { recursive: true, force: true });
      await page.reload();
    },
    sign: (page) => page.getByRole('alert').filter({ hasText: 'deleted or replaced' }),
  },
  resting: { settings: { QUIET_SECONDS: '2', STREAM_MAX_SECONDS: '15' }, sign: status('Resting') },
  'with a table of hosts': {
    settings: { DEMO_HOSTS: 'on' },
    async reach(page, app) {
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
      await openPanels(page, /^Hosts now/);
    },
    sign: (page) => page.getByText('80 of 197 files.'),
  },
  'with 20,000 events': {
    settings: { FEED_RETENTION: '30000' },
    async reach(_, app) {
      for (const first of range(0, 39)) await store(app, range(first * 500 + 1, first * 500 + 500));
    },
    sign: (page) => page.getByText('20,000', { exact: true }),
  },
};

/** States that a page reaches only after a minute. Nobody reads the page while it is hidden. */
export const slowStates: States = {
  'hidden in the background': {
    reach: (page) =>
      // No browser under a test hides a page.
      page.evaluate(() => {
        Object.defineProperty(document, 'visibilityState', { value: 'hidden' });
        document.dispatchEvent(new Event('visibilitychange'));
      }),
    sign: status('In the background'),
  },
};

/** Signs in on the status page. */
async function signIn(page: Page, token: string = secrets.publishToken): Promise<void> {
  await page.getByLabel('Publish token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** States of the status page. */
export const statusStates: States = {
  'status, signed out': {
    path: '/status',
    sign: (page) => page.getByLabel('Publish token'),
  },
  'status, refused': {
    path: '/status',
    reach: (page) => signIn(page, 'wrong'),
    sign: (page) => page.getByText('This is not the publish token'),
  },
  status: {
    path: '/status',
    async reach(page) {
      await signIn(page);
      await hasStatus(page, 'Live');
    },
    sign: (page) => page.getByRole('heading', { name: 'All is well' }),
  },
};

/** States of the status page that need an app of their own. */
export const otherStatusStates: typeof otherStates = {
  'status, switched off': {
    settings: { PUBLISH_TOKEN: '' },
    path: '/status',
    sign: (page) => page.getByText('the server has no PUBLISH_TOKEN'),
  },
  'status with problems': {
    settings: { STREAM_MAX_CONNECTIONS: '2' },
    path: '/status',
    async reach(page, app) {
      await signIn(page);
      await hasStatus(page, 'Live');
      for (const _ of range(1, 3)) await fetch(`${app.url}/api/stream?channel=no+name`);
      rmSync(dirname(app.logFile), { recursive: true, force: true });
    },
    sign: (page) => page.getByText('its file was deleted or replaced'),
  },
};

const demoPanels = [/^Hosts now/, /^Try to break it/];

/** States of the page of `npm run demo` that its other readers see too. */
export const disturbingStates: States = {
  'of the demo, with blocked streams': {
    async reach(page) {
      await openPanels(page, ...demoPanels);
      await page.getByRole('button', { name: /^Block streams/ }).click();
    },
    sign: status('Polling'),
  },
};

/** States of the page of `npm run demo`. */
export const demoStates: States = {
  'of the demo': { sign: (page) => page.getByRole('group', { name: 'Try to break it' }) },
  'of the demo, with a job': {
    reach: (page) => openPanels(page, ...demoPanels),
    sign: (page) => page.getByText('Job: hash the files of the app running'),
  },
  'of the demo, with a job that has ended': {
    reach: (page) => openPanels(page, ...demoPanels),
    sign: (page) => page.getByText('Its channel has ended'),
  },
  ...disturbingStates,
};
