import { spawn } from 'node:child_process';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { within } from '../node/eventually.ts';
import { processesOf } from '../node/proc.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { chromiumPath, flags, type Watch, watch } from './chromium.ts';

/**
 * A Chromium without Playwright's defaults: Playwright turns off the back/forward cache and makes every page think that
 * it is visible. It ends with its scope (`await using`).
 */
export type BareChromium = AsyncDisposable & {
  /** Opens a window with `url`. */
  open(url: string): Promise<BareWindow>;
  /** Suspends all its processes, like a machine that goes to sleep. */
  sleep(): void;
  wake(): void;
};

/** A window with one page, tall enough to show a long list. */
export type BareWindow = {
  readonly page: Page;
  readonly seen: Watch;
  /** Minimizes the window, as a user does: the page is hidden, and its timers run slower. */
  minimize(): Promise<void>;
  restore(): Promise<void>;
};

/** Starts a Chromium. @throws Error if it does not start within 20 s. */
export async function startBareChromium(): Promise<BareChromium> {
  const profile = makeTemporaryFolder();
  const own = ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile.path}`, 'about:blank'];
  const child = spawn(chromiumPath(), [...flags, ...own], { stdio: ['ignore', 'ignore', 'pipe'] });
  const { pid } = child;
  if (pid === undefined) throw new Error('Chromium did not start');
  const ended = new Promise((resolve) => child.once('close', resolve));
  const signalAll = (signal: NodeJS.Signals) => {
    for (const each of processesOf(pid)) send(each, signal);
  };
  // A test that times out never leaves its scope, so its browser is ended at the exit of this process.
  const killAll = () => signalAll('SIGKILL');
  process.once('exit', killAll);

  async function end(): Promise<void> {
    killAll();
    await ended;
    process.off('exit', killAll);
    profile[Symbol.dispose]();
  }

  const address = new Promise<string>((resolve) => {
    let printed = '';
    child.stderr.on('data', (text) => {
      printed += text;
      const [, found] = /DevTools listening on (ws:\S+)/.exec(printed) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  try {
    const endpoint = await within('Chromium starts', 60_000, address);
    const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true });
    const [context] = browser.contexts();
    if (context === undefined) throw new Error('Chromium has no window');
    return {
      open: (url) => openWindow(context, url),
      sleep: () => signalAll('SIGSTOP'),
      wake: () => signalAll('SIGCONT'),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // The process ended after it was listed.
  }
}

async function openWindow(context: BrowserContext, url: string): Promise<BareWindow> {
  const browserSession = await context.browser()?.newBrowserCDPSession();
  const opened = context.waitForEvent('page');
  const size = { width: 1_200, height: 2_400 };
  await browserSession?.send('Target.createTarget', { url: 'about:blank', newWindow: true, ...size });
  const page = await opened;
  const seen = await watch(page);
  const session = await context.newCDPSession(page);
  const { windowId } = await session.send('Browser.getWindowForTarget');
  const setState = async (windowState: 'minimized' | 'normal') => {
    await session.send('Browser.setWindowBounds', { windowId, bounds: { windowState } });
  };
  await page.goto(url);
  return { page, seen, minimize: () => setState('minimized'), restore: () => setState('normal') };
}
