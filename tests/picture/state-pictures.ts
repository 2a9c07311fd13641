import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { buildOnce } from '../../scripts/build-app.ts';
import { startDemoApp } from '../../scripts/demo/demo-app.ts';
import { startMachineSampler } from '../../scripts/demo/machine.ts';
import { findFreePort } from '../../scripts/free-port.ts';
import { startChromium } from '../support/browser/chromium.ts';
import {
  demoStates,
  disturbingStates,
  mixedData,
  openState,
  otherStates,
  otherStatusStates,
  type PageState,
  pageStates,
  type StateApp,
  settingsForStates,
  slowStates,
  statusStates,
} from '../support/browser/page-states.ts';
import { newPage } from '../support/browser/page-steps.ts';
import { eventually, within } from '../support/node/eventually.ts';
import { store } from '../support/node/publish.ts';
import { secrets } from '../support/node/secrets.ts';
import { root } from '../support/root.ts';
import { runScript } from '../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const folder = join(root, 'test-results/states');

const themes = ['light', 'dark'] as const;

/** Themes of one page, one after the other. */
type Themes = readonly [(typeof themes)[number], ...(typeof themes)[number][]];

/** The screens. `en-US` has the longest times of day. */
const reader = { locale: 'en-US', timezoneId: 'UTC' } as const;
const screens: Readonly<Record<string, BrowserContextOptions>> = {
  '1280': { ...reader, viewport: { width: 1_280, height: 800 } },
  '360': {
    ...reader,
    viewport: { width: 360, height: 740 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
  },
};

/** How long a page is in its state before its picture is taken, in ms: the ribbon then shows what the state looks like. */
const lookMs = 2_500;

/** Where this differs: states that are over soon, and one whose ribbon needs time to fill. */
const ownLookMs: Readonly<Record<string, number>> = { connecting: 300, 'handing over': 100, live: 50_000 };

/** States that are over before the page could change its theme. Each picture has a page of its own. */
const briefStates: readonly string[] = ['connecting', 'handing over'];

/** States that new events would end, or push out of the picture. */
const quietStates: readonly string[] = ['resting', 'after a gap', 'after a restart of the log'];

/** Settings under which a brief state lasts longer: a stream is handed over for as long as its limit allows. */
const longStreams = { STREAM_MAX_SECONDS: '60' } as const;

/** The charts draw themselves once a second: then they have the colours of another theme. */
const themeMs = 1_100;

/** Pages that are open at the same time. With more, a machine with two cores would starve them. */
const maxPages = 6;

/** Longest time for the pictures of one state on one screen, in ms. A page that reloads itself can hold a question for ever. */
const maxTakeMs = 180_000;

/** Most tries of a state: on a busy machine a brief one can be over before its picture is taken. */
const maxTries = 3;

type Taking = {
  /** A picture is taken of the states whose name contains this text. */
  readonly part: string;
  readonly browser: Browser;
  readonly slots: ReturnType<typeof createSlots>;
  /** Why states have no picture. */
  readonly failures: string[];
  readonly startedAt: number;
};

/**
 * Takes a picture of each state on each screen in each theme, to be looked at, in `test-results/states`.
 * @param part only states whose name contains this text.
 * @throws Error that names the states that were not reached.
 */
export async function takeStates(part: string): Promise<void> {
  await buildOnce();
  if (part === '') rmSync(folder, { recursive: true, force: true });
  for (const screen of Object.keys(screens))
    for (const theme of themes) mkdirSync(join(folder, `${screen}-${theme}`), { recursive: true });
  const browser = await startChromium();
  const slots = createSlots(maxPages);
  const taking: Taking = { part, browser, slots, failures: [], startedAt: performance.now() };
  const { 'handing over': handingOver, ...shared } = pageStates;
  try {
    await Promise.all([
      takeShared(taking, { ...slowStates, ...shared, ...statusStates }, (act) =>
        withLivelyApp(settingsForStates, act),
      ),
      takeShared(taking, { 'handing over': handingOver }, (act) => withLivelyApp(longStreams, act)),
      takeOwn(taking, { ...otherStates, ...otherStatusStates }),
    ]);
    await takeShared(taking, demoStates, withDemo);
  } finally {
    await browser.close();
  }
  if (taking.failures.length > 0)
    throw new Error(`There is no picture of:\n  ${taking.failures.join('\n  ')}`);
}

/** Takes the pictures of states that share one app. */
async function takeShared(
  taking: Taking,
  states: Readonly<Record<string, PageState | undefined>>,
  withApp: (act: (app: StateApp) => Promise<void>) => Promise<void>,
): Promise<void> {
  const wanted = Object.entries(states).filter(([state]) => state.includes(taking.part));
  if (wanted.length === 0) return;
  const takeAll = (app: StateApp, some: typeof wanted) =>
    Promise.all(
      some.map(([state, pageState]) =>
        takeViews(taking, state, (view) => takeScreen(taking, app, { ...view, state, pageState })),
      ),
    );
  await withApp(async (app) => {
    await takeAll(
      app,
      wanted.filter(([state]) => !(state in disturbingStates)),
    );
    await takeAll(
      app,
      wanted.filter(([state]) => state in disturbingStates),
    );
  });
}

/** Takes the pictures of states of which each page has an app of its own. */
async function takeOwn(taking: Taking, states: typeof otherStates): Promise<void> {
  const wanted = Object.entries(states).filter(([state]) => state.includes(taking.part));
  await Promise.all(
    wanted.map(([state, pageState]) =>
      takeViews(taking, state, (view) =>
        withLivelyApp(
          pageState.settings,
          (app) => takeScreen(taking, app, { ...view, state, pageState }),
          !quietStates.includes(state),
        ),
      ),
    ),
  );
}

type View = { readonly screen: string; readonly chosen: Themes };

/** Takes all pictures of one state. One that fails does not keep the others from being taken. */
async function takeViews(
  { slots, failures, startedAt }: Taking,
  state: string,
  take: (view: View) => Promise<void>,
): Promise<void> {
  const chosen = briefStates.includes(state) ? themes.map((theme): Themes => [theme]) : [themes];
  const views = Object.keys(screens).flatMap((screen) => chosen.map((some) => ({ screen, chosen: some })));
  // A slow state waits more than it works.
  const isSlow = state in slowStates || (ownLookMs[state] ?? 0) > lookMs || state === 'handing over';
  const tryView = async (view: View) => {
    let failure = '';
    for (let tries = 0; tries < maxTries; tries += 1) {
      try {
        return await take(view);
      } catch (cause) {
        failure = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
      }
    }
    failures.push(`${state}, ${view.screen} pixels: ${failure}`);
  };
  await Promise.all(views.map((view) => (isSlow ? tryView(view) : slots(() => tryView(view)))));
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  console.log(`${seconds.padStart(4)} s  ${state}`);
}

type Look = View & { readonly state: string; readonly pageState: PageState | undefined };

function takeScreen({ browser }: Taking, app: StateApp, look: Look): Promise<void> {
  return within('its pictures are taken', maxTakeMs, lookAt(browser, app, look));
}

async function lookAt(browser: Browser, app: StateApp, look: Look): Promise<void> {
  const { state, pageState, screen, chosen } = look;
  if (pageState === undefined) throw new Error('nobody knows this state');
  const [first] = chosen;
  await using open = await newPage(browser, { ...screens[screen], colorScheme: first });
  const { page } = open;
  await page.addInitScript(drawRarely);
  await openState(page, app, pageState);
  const sign = pageState.sign(page).first();
  await sign.scrollIntoViewIfNeeded();
  await page.waitForTimeout(ownLookMs[state] ?? lookMs);
  for (const theme of chosen) {
    if (theme !== first) {
      await page.emulateMedia({ colorScheme: theme });
      await page.waitForTimeout(themeMs);
    }
    // A picture of another state would be a lie.
    await checkSign(page, sign);
    const path = join(folder, `${screen}-${theme}`, `${state.replaceAll(/\W+/g, '-')}.png`);
    if (state.startsWith('status')) await page.screenshot({ path, fullPage: true });
    else await takePicture(page, path);
    await checkSign(page, sign);
  }
}

/** Runs in the page: it draws a few times a second. Many pages are open, and a picture needs one drawing. */
function drawRarely(): void {
  const request = requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => {
    setTimeout(() => request(draw), 400);
    return 0;
  };
}

/**
 * Takes a picture of what the browser shows. Playwright computes the place first, and a page that scrolls meanwhile, because it
 * keeps the place of its reader, would be off that place. The session stays until the page closes: with its end the browser
 * would also end the network that a state has switched off.
 */
async function takePicture(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'png' });
  writeFileSync(path, Buffer.from(data, 'base64'));
}

/** @throws Error if the page is not in the state any more. */
async function checkSign(page: Page, sign: Locator): Promise<void> {
  if (await sign.isVisible()) return;
  const status = page.getByRole('status').first();
  const text = (await status.isVisible()) ? await status.textContent() : 'none';
  throw new Error(`the page left the state before its picture was taken; its status: ${text}`);
}

/** @returns a function that runs at most `count` tasks at a time. */
function createSlots(count: number) {
  let free = count;
  const queue: (() => void)[] = [];
  return async (task: () => Promise<void>): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => queue.push(resolve));
    try {
      await task();
    } finally {
      const next = queue.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}

/** Runs an app that gets events of the demo's types while `act` runs. @param isLively false: no event after the first. */
async function withLivelyApp(
  settings: Readonly<Record<string, string>>,
  act: (app: StateApp) => Promise<void>,
  isLively = true,
): Promise<void> {
  const port = await findFreePort(0);
  using log = makeTemporaryFolder();
  const logFile = join(log.path, 'feed.db');
  const { PUBLISH_TOKEN = secrets.publishToken, ...others } = settings;
  const demo = { DEMO_FAULTS: '', DEMO_HOSTS: '' };
  const server = await startDemoApp(root, port, '', PUBLISH_TOKEN, { FEED_DB: logFile, ...demo, ...others });
  const app = { url: `http://127.0.0.1:${port}`, logFile };
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
    // An app without a token accepts none.
    for (let round = 0; PUBLISH_TOKEN !== '' && round < 60; round += 1) await publish(round);
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

/** Runs `npm run demo` on Redis, so that it has all of its faults. */
async function withDemo(act: (app: StateApp) => Promise<void>): Promise<void> {
  const demo = runScript('demo', ['--port', '0', '--redis']);
  try {
    const url = await eventually(
      `the demo publishes; it printed: ${demo.out()}${demo.err()}`,
      90_000,
      () => /(http:\/\/localhost:\d+)\n.*-\d+\n.*-\d+\n/s.exec(demo.out())?.[1],
    );
    await act({ url, logFile: '' });
  } finally {
    // SIGINT, not SIGKILL: a killed demo cannot end its app.
    demo.child.kill('SIGINT');
    await demo.code;
  }
}
