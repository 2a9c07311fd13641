import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { within } from '../node/eventually.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { openBidi } from './webdriver-bidi.ts';

/** A headless Firefox. It ends with its scope (`await using`). */
export type Firefox = AsyncDisposable & {
  /** Opens a window with `url`, and resolves when the page is loaded. */
  open(url: string): Promise<FirefoxPage>;
};

/** A window with one page. It ends with its scope (`await using`). */
export type FirefoxPage = AsyncDisposable & {
  /** Runs a function in the page. Its arguments and its result must be JSON. */
  evaluate<A extends readonly unknown[], R>(run: (...args: A) => R, ...args: A): Promise<Awaited<R>>;
  /** Errors of the console and of scripts. */
  readonly errors: readonly string[];
};

const names = ['firefox-esr', 'firefox'];

const preferences = {
  // Firefox can reach only this machine: all other requests go to a proxy that does not exist.
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
  // Firefox ends an idle service worker after 30 s, and one with an open event after 30 s more. Tests do not wait so long.
  'dom.serviceWorkers.idle_timeout': 3_000,
  'dom.serviceWorkers.idle_extended_timeout': 3_000,
  // The JSON viewer of Firefox is a page that may not send requests.
  'devtools.jsonview.enabled': false,
};

/** The path of the system's Firefox. @throws Error that names the package if there is none. */
function firefoxPath(): string {
  const folders = (process.env.PATH ?? '').split(':');
  const found = folders.flatMap((folder) => names.map((name) => join(folder, name))).find(existsSync);
  if (found === undefined) throw new Error('no Firefox found; install the package firefox-esr');
  return found;
}

/**
 * Starts the system's Firefox. The tests control it with WebDriver BiDi, because Playwright can only control its own
 * build of Firefox.
 * @throws Error if it does not start within 60 s.
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
    // Its own process group, so that its children end with it.
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
  // A test that times out never leaves its scope, so its browser is ended at the exit of this process.
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
    const bidi = await openBidi(`${await within('Firefox starts', 60_000, address)}/session`);
    return {
      async open(url) {
        // A window, not a tab: only one tab of a window is visible.
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
