import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
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
import { takeStates } from './picture/state-pictures.ts';
import { startChromium } from './support/browser/chromium.ts';
import { hasStatus, shows } from './support/browser/page-steps.ts';
import { root } from './support/root.ts';
import { makeTemporaryFolder } from './support/temporary-folder.ts';

const help = `Takes the pictures of the README from the real page: docs/page-light.png and docs/page-dark.png.

  npm run picture

It builds the app if the code has changed, starts it with an empty log, and publishes what npm run demo publishes, and the
newest commits of this repository among it. It needs Chromium and Git.

  --states        pictures of every state of the page instead, at 1280 and 360 pixels, light and dark, in test-results/states
  --only <text>   with --states: only the states whose name contains this text
  --seconds <n>   how long events arrive before the pictures are taken (default: 70, so that the charts are full)
  --folder <dir>  where to write the pictures (default: docs)
  --help          show this text
`;

/** Little wider than a README is shown, so that its text is hardly scaled down. */
const viewport = { width: 1_040, height: 606 };

/** A README with larger pictures loads slowly. */
const maxBytes = 250_000;

const themes = ['light', 'dark'] as const;

type PictureOptions = {
  readonly seconds: number;
  readonly folder: string;
  /** Part of the name of the states whose pictures are taken; null: the pictures of the README are. */
  readonly states: string | null;
};

/** Null when the command line asks for help. @throws FeedError `bad-request` */
function readOptions(): PictureOptions | null {
  const { values } = parseOptions({
    options: {
      states: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      seconds: { type: 'string', default: '70' },
      folder: { type: 'string', default: join(root, 'docs') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  return {
    seconds: readWholeNumber('--seconds', values.seconds, 1, 600),
    folder: values.folder,
    states: values.states ? values.only : null,
  };
}

async function takePictures({ seconds, folder }: Omit<PictureOptions, 'states'>): Promise<void> {
  await buildOnce();
  const port = await findFreePort(0);
  const token = randomBytes(24).toString('base64url');
  using log = makeTemporaryFolder();
  // No host reports here.
  const own = { FEED_DB: join(log.path, 'feed.db'), DEMO_HOSTS: '' };
  const app = await startDemoApp(root, port, '', token, own);
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

async function main(): Promise<number> {
  try {
    const options = readOptions();
    if (options === null) process.stdout.write(help);
    else if (options.states !== null) await takeStates(options.states);
    else await takePictures(options);
    return 0;
  } catch (cause) {
    printFailure('picture', cause);
    return 1;
  }
}

process.exit(await main());
