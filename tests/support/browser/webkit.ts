import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { findFreePort } from '../../../scripts/free-port.ts';
import { eventually, within } from '../node/eventually.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

/** A WebKit, the engine of Safari, on a screen of its own. It ends with its scope (`await using`). */
export type WebKit = AsyncDisposable & {
  /** The version of the engine. */
  readonly version: string;
  /** Opens a tab with `url`, and resolves when the page is loaded. The tabs share cookies, storage and locks. */
  open(url: string): Promise<WebKitPage>;
};

/** A tab with one page. It ends with its scope (`await using`). */
export type WebKitPage = AsyncDisposable & {
  /** Runs a function in the page. Its arguments and its result must be JSON. */
  evaluate<A extends readonly unknown[], R>(run: (...args: A) => R, ...args: A): Promise<Awaited<R>>;
  /** Runs a script in the page. */
  run(script: string): Promise<void>;
  /** Loads another page in this tab. */
  goto(url: string): Promise<void>;
  /** Goes back to the page before. */
  back(): Promise<void>;
};

/** Where Debian keeps WebKitGTK's own browser. */
const miniBrowsers = '/usr/lib/*/webkit2gtk-4.*/MiniBrowser';

/** The limit for a call to the driver: it starts browsers, and loads pages. */
const answerMs = 30_000;

type Reply = { readonly value: unknown };

/**
 * Starts WebKitGTK. The tests control it with WebDriver, because Playwright can only control its own build of WebKit.
 * @throws Error if it does not start.
 */
export async function startWebKit(): Promise<WebKit> {
  const [binary] = globSync(miniBrowsers);
  if (binary === undefined) throw new Error('no WebKit found; install the package webkit2gtk-driver');
  const folder = makeTemporaryFolder();
  const runtime = join(folder.path, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  const children: ChildProcess[] = [];
  // A test that times out never leaves its scope, so its browser is ended at the exit of this process.
  const killAll = () => {
    for (const { pid, exitCode } of children) {
      if (pid !== undefined && exitCode === null) process.kill(-pid, 'SIGKILL');
    }
  };
  process.once('exit', killAll);
  async function end(): Promise<void> {
    const ended = children.map((child) => new Promise((resolve) => child.once('close', resolve)));
    killAll();
    await within('WebKit ends', answerMs, Promise.all(ended));
    process.off('exit', killAll);
    folder[Symbol.dispose]();
  }

  try {
    const display = await startScreen(children);
    const port = await findFreePort(0);
    const driver = spawn('WebKitWebDriver', [`--port=${port}`], {
      // Its own process group, so that the browser ends with it.
      detached: true,
      stdio: 'ignore',
      env: {
        NODE_ENV: 'production',
        PATH: process.env.PATH,
        HOME: folder.path,
        XDG_RUNTIME_DIR: runtime,
        DISPLAY: `:${display}`,
        GDK_BACKEND: 'x11',
        // A machine for tests has no graphics card.
        LIBGL_ALWAYS_SOFTWARE: '1',
        WEBKIT_DISABLE_COMPOSITING_MODE: '1',
      },
    });
    children.push(driver);
    const send = makeSend(port);
    await eventually('the driver of WebKit listens', answerMs, () =>
      send('GET', '/status').then(
        () => true,
        () => false,
      ),
    );
    const browser = { binary, args: ['--automation', '--private'] };
    const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': browser } };
    const session = (await send('POST', '/session', { capabilities })) as {
      readonly sessionId: string;
      readonly capabilities: { readonly browserVersion: string };
    };
    const call = (path: string, body: object = {}) =>
      send('POST', `/session/${session.sessionId}${path}`, body);
    return {
      version: session.capabilities.browserVersion,
      open: makeOpen(
        call,
        () => send('DELETE', `/session/${session.sessionId}/window`),
        await send('GET', `/session/${session.sessionId}/window`),
      ),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Starts a screen in memory. @returns its number. */
async function startScreen(children: ChildProcess[]): Promise<string> {
  const flags = ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'];
  const screen = spawn('Xvfb', flags, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  children.push(screen);
  const told = screen.stdio[3] as Readable;
  return within(
    'the screen starts',
    answerMs,
    new Promise((resolve, reject) => {
      let text = '';
      screen.once('error', () => reject(new Error('no Xvfb found; install the package xvfb')));
      told.on('data', (bytes) => {
        text += String(bytes);
        if (text.includes('\n')) resolve(text.trim());
      });
    }),
  );
}

/** Makes the function that sends one command of WebDriver (https://www.w3.org/TR/webdriver2/), and throws its error. */
function makeSend(port: number) {
  return async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMs),
    });
    const { value } = (await response.json()) as Reply;
    if (!response.ok) throw new Error(`WebKit refused ${path}: ${JSON.stringify(value)}`);
    return value;
  };
}

type Call = (path: string, body?: object) => Promise<unknown>;

/** @param first the tab of the start. It stays open. */
function makeOpen(call: Call, closeWindow: () => Promise<unknown>, first: unknown): WebKit['open'] {
  // A command goes to the current tab. So each tab's turn is one switch and one command.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(run: () => Promise<T>): Promise<T> => {
    const mine = turn.then(run);
    turn = mine.catch(() => undefined);
    return mine;
  };

  return async (url) => {
    const { handle } = (await inTurn(async () => {
      // The current tab may be closed. WebKit opens a tab only from one that is open.
      await call('/window', { handle: first });
      return call('/window/new', { type: 'window' });
    })) as { readonly handle: string };
    const inTab = (run: () => Promise<unknown>) =>
      inTurn(async () => {
        await call('/window', { handle });
        return run();
      });
    const goto = async (address: string) => void (await inTab(() => call('/url', { url: address })));
    await goto(url);
    return {
      async evaluate<A extends readonly unknown[], R>(
        run: (...args: A) => R,
        ...args: A
      ): Promise<Awaited<R>> {
        const script = `const done = arguments[arguments.length - 1];
Promise.resolve((${run})(...arguments[0])).then((value) => done([value]), (error) => done([null, String(error)]));`;
        const told = (await inTab(() => call('/execute/async', { script, args: [args] }))) as unknown[];
        if (told.length > 1) throw new Error(`the page threw: ${told[1]}`);
        return told[0] as Awaited<R>;
      },
      run: async (script) => void (await inTab(() => call('/execute/sync', { script, args: [] }))),
      goto,
      back: async () => void (await inTab(() => call('/back'))),
      [Symbol.asyncDispose]: async () => void (await inTab(closeWindow)),
    };
  };
}
