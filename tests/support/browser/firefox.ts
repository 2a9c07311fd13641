import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { within } from '../node/eventually.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { openBidi } from './webdriver-bidi.ts';

/** A Firefox of its own, without a window that shows. Ends with the scope that holds it by `await using`. */
export type Firefox = AsyncDisposable & {
  /** Opens a window, and `url` in it; gives it when the page is loaded. */
  open(url: string): Promise<FirefoxPage>;
};

/** A window with one page. Ends with the scope that holds it by `await using`. */
export type FirefoxPage = AsyncDisposable & {
  /** Runs a function in the page; its arguments and what it gives go through JSON. */
  evaluate<A extends readonly unknown[], R>(run: (...args: A) => R, ...args: A): Promise<Awaited<R>>;
  /** Errors of the console and of scripts. */
  readonly errors: readonly string[];
};

const names = ['firefox-esr', 'firefox'];

const preferences = {
  // Nothing but this machine is reached: all else goes to a proxy that is not there.
  'network.proxy.type': 1,
  'network.proxy.http': '127.0.0.1',
  'network.proxy.http_port': 9,
  'network.proxy.ssl': '127.0.0.1',
  'network.proxy.ssl_port': 9,
  'app.update.disabledForTesting': true,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  // Its viewer of JSON is a page that may not read anything.
  'devtools.jsonview.enabled': false,
};

/** Path of the system's Firefox. @throws Error naming the package where there is none. */
function firefoxPath(): string {
  const folders = (process.env.PATH ?? '').split(':');
  const found = folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync);
  if (found === undefined) throw new Error('no Firefox found; install the package firefox-esr');
  return found;
}

/**
 * Starts the system's Firefox. It is driven by WebDriver BiDi, which it speaks itself: Playwright drives no Firefox but
 * its own.
 * @throws Error when it does not start, in time.
 */
export async function startFirefox(): Promise<Firefox> {
  const profile = makeTemporaryFolder();
  const lines = Object.entries(preferences).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`,
  );
  writeFileSync(join(profile.path, 'user.js'), lines.join('\n'));
  const flags = [
    '--headless',
    '--no-remote',
    '--profile',
    profile.path,
    '--remote-debugging-port',
    '0',
    'about:blank',
  ];
  const child = spawn(firefoxPath(), flags, {
    // A group of its own, so that it ends with all it has started.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      NODE_ENV: 'production',
      PATH: process.env.PATH,
      HOME: profile.path,
      MOZ_CRASHREPORTER_DISABLE: '1',
    },
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  // A test that timed out never leaves its scope; what it started ends with this process.
  process.once('exit', kill);
  async function end(): Promise<void> {
    kill();
    await ended;
    process.off('exit', kill);
    profile[Symbol.dispose]();
  }

  const address = new Promise<string>((resolve) => {
    let printed = '';
    child.stderr.on('data', (text) => {
      printed += text;
      const [, found] = /BiDi listening on (ws:\S+)/.exec(printed) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  try {
    const bidi = await openBidi(`${await within('Firefox starts', 20_000, address)}/session`);
    return {
      async open(url) {
        // A window rather than a tab: of the tabs of a window all but one are hidden.
        const { context } = await bidi.send('browsingContext.create', { type: 'window' });
        const errors = bidi.errorsOf(String(context));
        await bidi.send('browsingContext.navigate', { context, url, wait: 'complete' });
        return {
          evaluate: (run, ...args) => bidi.evaluate(String(context), run, args),
          errors,
          async [Symbol.asyncDispose]() {
            await bidi.send('browsingContext.close', { context });
          },
        };
      },
      async [Symbol.asyncDispose]() {
        bidi.close();
        await end();
      },
    };
  } catch (error) {
    await end();
    throw error;
  }
}
