import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import type { App } from '../node/app-process.ts';
import { eventually, within } from '../node/eventually.ts';
import { type Shown, type Watch, watch } from './chromium.ts';
import { hasStatus, quickToDraw, readSeqs, readWhole } from './page-steps.ts';

/** An open tab. */
export type Tab = {
  readonly page: Page;
  readonly seen: Watch;
  /** Its open streams. */
  readonly streams: ReadonlySet<Request>;
  /** The seq of the newest event in the page. */
  newest(): Promise<number>;
  /** The seqs of all events in its list, from the top. */
  seqs(): Promise<readonly number[]>;
  /** Makes the page think that it is hidden or visible. A headless browser never hides a page itself. */
  setHidden(isHidden: boolean): Promise<void>;
  /** Crashes its process. */
  crash(): Promise<void>;
  /** Sends the page the event `freeze`, as before a freeze by the browser. */
  freeze(): Promise<void>;
  /** Suspends its scripts. @returns a function that resumes them. */
  hang(): Promise<() => Promise<void>>;
};

/** One browser with its tabs: they share cookies, storage and locks. */
export type Tabs = AsyncDisposable & {
  readonly context: BrowserContext;
  open(): Promise<Tab>;
  /** The tabs that are open. */
  all(): readonly Tab[];
  /** Waits until all tabs together have one stream. @returns the tab with that stream. */
  leader(): Promise<Tab>;
};

/** The limit for a call to the browser. Playwright's own calls have none. */
const answerMs = 30_000;

export async function startTabs(browser: Browser, app: App): Promise<Tabs> {
  // Many pages draw every event. Small pages without motion leave more of the machine to the measurement.
  const context = await within('a browser context opens', answerMs, browser.newContext(quickToDraw));
  await context.addInitScript(makeHideable);
  let tabs: Tab[] = [];

  async function open(): Promise<Tab> {
    const page = await within('a tab opens', answerMs, context.newPage());
    const seen = await watch(page);
    const tab = makeTab(page, seen);
    tabs.push(tab);
    const forget = () => {
      tabs = tabs.filter((other) => other !== tab);
    };
    page.on('close', forget);
    page.on('crash', forget);
    await page.goto(app.url);
    await hasStatus(page, 'Live');
    return tab;
  }

  return {
    context,
    open,
    all: () => tabs,
    leader: () =>
      eventually('one tab has the only stream', 30_000, async () => {
        const holding = tabs.filter(({ streams }) => streams.size > 0);
        const { streams } = await app.health();
        return streams === 1 && holding.length === 1 && holding[0];
      }),
    [Symbol.asyncDispose]: () => within('the tabs are closed', 30_000, context.close()),
  };
}

/**
 * Reads the whole list. It brings the tab to the front, because only that tab draws at its full rate. Reading waits for
 * the browser to draw, which can take too long, so it tries three times.
 */
async function readInFront(page: Page): Promise<readonly Shown[]> {
  for (let tries = 3; ; tries -= 1) {
    await within('a tab comes to the front', answerMs, page.bringToFront());
    try {
      return await within('the tab in front is read', answerMs, readWhole(page));
    } catch (error) {
      if (tries === 1) throw error;
    }
  }
}

function makeTab(page: Page, seen: Watch): Tab {
  const streams = new Set<Request>();
  page.on('request', (request) => request.url().includes('/api/stream') && streams.add(request));
  page.on('requestfinished', (request) => streams.delete(request));
  page.on('requestfailed', (request) => streams.delete(request));
  return {
    page,
    seen,
    streams,
    newest: async () => (await readSeqs(page))[0] ?? 0,
    async seqs() {
      const read = await readInFront(page);
      return read.map(({ id }) => Number(id.split('-')[1]));
    },
    setHidden: (isHidden) =>
      within(
        'a tab gets its visibility',
        answerMs,
        page.evaluate((to) => (window as unknown as Hideable).setHidden(to), isHidden),
      ),
    async crash() {
      const crashed = page.waitForEvent('crash');
      const session = await page.context().newCDPSession(page);
      // The crashed process does not answer this call.
      session.send('Page.crash').catch(() => undefined);
      await within('the process of a tab ends', answerMs, crashed);
    },
    freeze: () =>
      within(
        'a tab gets the event freeze',
        answerMs,
        page.evaluate(() => void document.dispatchEvent(new Event('freeze'))),
      ),
    async hang() {
      const session = await page.context().newCDPSession(page);
      await session.send('Debugger.enable');
      await session.send('Debugger.pause');
      return async () => {
        await session.send('Debugger.disable');
        await session.detach();
      };
    },
  };
}

type Hideable = { setHidden(isHidden: boolean): void };

/** Runs in the page. */
function makeHideable(): void {
  let state: DocumentVisibilityState = 'visible';
  Object.defineProperty(document, 'visibilityState', { get: () => state });
  Object.defineProperty(document, 'hidden', { get: () => state === 'hidden' });
  (window as unknown as Hideable).setHidden = (isHidden) => {
    state = isHidden ? 'hidden' : 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
  };
}
