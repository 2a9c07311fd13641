import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { buildOnce } from '../scripts/build-app.ts';
import { parseOptions, printFailure, readWholeNumber } from '../scripts/command-line.ts';
import { startDemoApp } from '../scripts/demo/demo-app.ts';
import { createDemoSender, publishMachine, startMachineSampler } from '../scripts/demo/machine.ts';
import { findFreePort } from '../scripts/free-port.ts';
import { type Sender, sendBatch } from '../scripts/push/push-events.ts';
import { makePushEvent } from '../scripts/push/push-input.ts';
import { readEndpoint } from '../scripts/push/push-options.ts';
import { startChromium } from './support/browser/chromium.ts';
import { mixedData, otherStates, pageStates, settingsForStates } from './support/browser/page-states.ts';
import { hasStatus, newPage, openLive, shows } from './support/browser/page-steps.ts';
import { store } from './support/node/publish.ts';
import { secrets } from './support/node/secrets.ts';
import { root } from './support/root.ts';
import { makeTemporaryFolder } from './support/temporary-folder.ts';

const help = `Takes the pictures of the README from the real page: docs/page-light.png and docs/page-dark.png.

  npm run picture

It builds the app if the code has changed, starts it with an empty log, and publishes what npm run demo publishes, and the
newest commits of this repository among it. It needs Chromium and Git.

  --states        pictures of every state of the page instead, at 1280 and 360 pixels, light and dark, in test-results/states
  --seconds <n>   how long events arrive before the pictures are taken (default: 70, so that the charts are full)
  --folder <dir>  where to write the pictures (default: docs)
  --help          show this text
`;

/** Little wider than a README is shown, so that its text is hardly scaled down. */
const viewport = { width: 1_040, height: 606 };

/** A README with larger pictures loads slowly. */
const maxBytes = 250_000;

const themes = ['light', 'dark'] as const;

type PictureOptions = { readonly seconds: number; readonly folder: string; readonly areStates: boolean };

/** Null when the command line asks for help. @throws FeedError `bad-request` */
function readOptions(): PictureOptions | null {
  const { values } = parseOptions({
    options: {
      states: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '70' },
      folder: { type: 'string', default: join(root, 'docs') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  return {
    seconds: readWholeNumber('--seconds', values.seconds, 1, 600),
    folder: values.folder,
    areStates: values.states,
  };
}

async function takePictures({ seconds, folder }: Omit<PictureOptions, 'areStates'>): Promise<void> {
  await buildOnce();
  const port = await findFreePort(0);
  const token = randomBytes(24).toString('base64url');
  using log = makeTemporaryFolder();
  const app = await startDemoApp(root, port, '', token, { FEED_DB: join(log.path, 'feed.db') });
  const browser = await startChromium();
  const sampler = startMachineSampler(root);
  const stop = new AbortController();
  try {
    const endpoint = readEndpoint(`http://127.0.0.1:${port}`);
    const sender = createDemoSender(endpoint, token, stop.signal, console.error);
    const publishing = publishMachine(sampler, sender, () => undefined);
    const pages = await Promise.all(themes.map((theme) => openPage(browser, theme, port)));
    await sleep(seconds * 1_000);
    const last = await publishCommits(sender);
    await Promise.all(pages.map((page) => shows(page, last)));
    await sleep(1_200);
    stop.abort();
    const failure = await publishing;
    if (failure !== null) throw new Error(failure);
    for (const [index, theme] of themes.entries()) await takePicture(pages[index], folder, theme);
  } finally {
    stop.abort();
    sampler.stop();
    await browser.close();
    await app.stop();
  }
}

async function openPage(browser: Browser, colorScheme: 'light' | 'dark', port: number): Promise<Page> {
  const context = await browser.newContext({
    viewport,
    deviceScaleFactor: 2,
    colorScheme,
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  await hasStatus(page, 'Live');
  return page;
}

/** Longest subject of a commit that fits into one line of the picture, in characters. */
const maxSubject = 66;

/** Publishes three of the newest commits, with a sample of the machine or two between them. @returns the last one. */
async function publishCommits(sender: Sender): Promise<string> {
  const log = execFileSync('git', ['log', '-100', '--no-merges', '--format=%s'], {
    cwd: root,
    encoding: 'utf8',
  });
  const fitting = log.split('\n').filter((line) => line !== '' && line.length <= maxSubject);
  const subjects = fitting.slice(0, 3).reverse();
  for (const [index, subject] of subjects.entries()) {
    const event = makePushEvent({ channel: 'feed', type: 'commit', data: subject }, null, 'commit');
    const sent = await sendBatch([event], `picture-${process.pid}-${index}`, sender);
    if (sent.kind === 'failed') throw new Error(sent.reason);
    await sleep(1_500);
  }
  return subjects.at(-1) ?? '';
}

async function takePicture(page: Page | undefined, folder: string, theme: string): Promise<void> {
  if (page === undefined) return;
  await hasStatus(page, 'Live');
  const file = join(folder, `page-${theme}.png`);
  const picture = await page.screenshot({ animations: 'disabled' });
  if (picture.length > maxBytes)
    throw new Error(
      `${file} would have ${picture.length} bytes; the limit is ${maxBytes}. Make the viewport smaller.`,
    );
  writeFileSync(file, picture);
  console.log(`${file}: ${picture.length} bytes`);
}

/** How long a page is in its state before its picture is taken, in ms: the ribbon then shows what the state looks like. */
const lookMs = 4_000;

/** States that are over soon. */
const briefStates: readonly string[] = ['connecting', 'handing over'];

const views = [1_280, 360].flatMap((width) =>
  themes.map((colorScheme) => ({
    folder: join(root, 'test-results/states', `${width}-${colorScheme}`),
    options: { colorScheme, viewport: { width, height: width === 360 ? 740 : 800 } },
  })),
);

/** Takes a picture of each state in each size and theme, to be looked at. One folder for each size and theme. */
async function takeStates(): Promise<void> {
  await buildOnce();
  for (const { folder } of views) mkdirSync(folder, { recursive: true });
  const browser = await startChromium();
  const shoot = (page: Page, folder: string, state: string) =>
    page.screenshot({
      path: join(folder, `${state.replaceAll(/\W+/g, '-')}.png`),
      animations: 'disabled',
    });
  /** Takes the pictures of one state in all sizes and themes at once. */
  const takeState = async (app: { readonly url: string }, state: string, reach: Reach) => {
    await Promise.all(
      views.map(async ({ folder, options }) => {
        await using open = await openLive(browser, app, options);
        await reach(open.page, app);
        await open.page.waitForTimeout(briefStates.includes(state) ? 200 : lookMs);
        await shoot(open.page, folder, state);
      }),
    );
    console.log(state);
  };
  try {
    await withLivelyApp(settingsForStates, async (app) => {
      for (const [state, reach] of Object.entries(pageStates)) await takeState(app, state, reach);
      for (const [state, query] of [
        ['empty', 'empty'],
        ['problem of the server', 'no+such+name'],
      ] as const) {
        for (const { folder, options } of views) {
          await using open = await newPage(browser, options);
          await open.page.goto(`${app.url}/?channel=${query}`);
          await open.page.waitForTimeout(1_500);
          await shoot(open.page, folder, state);
        }
      }
    });
    for (const [state, { settings, reach }] of Object.entries(otherStates)) {
      await withLivelyApp(settings, (app) => takeState(app, state, reach), state !== 'resting');
    }
  } finally {
    await browser.close();
  }
}

type Reach = (page: Page, app: { readonly url: string }) => Promise<void>;

/** Runs an app that gets events of the demo's types while `act` runs. @param isLively false: no event after the first. */
async function withLivelyApp(
  settings: Readonly<Record<string, string>>,
  act: (app: { readonly url: string }) => Promise<void>,
  isLively = true,
): Promise<void> {
  const port = await findFreePort(0);
  using log = makeTemporaryFolder();
  const demo = { DEMO_FAULTS: '', DEMO_HOSTS: '' };
  const env = { FEED_DB: join(log.path, 'feed.db'), ...demo, ...settings };
  const server = await startDemoApp(root, port, '', secrets.publishToken, env);
  const app = { url: `http://127.0.0.1:${port}` };
  const sampler = startMachineSampler(root);
  const ended = new AbortController();
  const publish = async (round: number) => {
    await store(app, [await sampler.sample()], { type: 'machine' });
    if (round % 3 === 0) {
      const state = round % 2 === 0 ? 'started' : 'ended';
      await store(app, [{ name: 'node', pid: 4_000 + round, state }], { type: 'process' });
    }
    if (round % 5 === 0) await store(app, [mixedData[(round / 5) % mixedData.length]]);
    if (round % 7 === 0)
      await store(app, ['A line of git log, as npm run push sends it'], { type: 'commit' });
  };
  const publishing = async () => {
    for (let round = 0; isLively && !ended.signal.aborted; round += 1) {
      await publish(round).catch(() => undefined);
      await sleep(1_000);
    }
  };
  try {
    for (let round = 0; round < 60; round += 1) await publish(round);
    const live = publishing();
    await act(app);
    ended.abort();
    await live;
  } finally {
    ended.abort();
    sampler.stop();
    await server.stop();
  }
}

async function main(): Promise<number> {
  try {
    const options = readOptions();
    if (options === null) process.stdout.write(help);
    else if (options.areStates) await takeStates();
    else await takePictures(options);
    return 0;
  } catch (cause) {
    printFailure('picture', cause);
    return 1;
  }
}

process.exit(await main());
