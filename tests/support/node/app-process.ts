import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { appSources } from '../../../scripts/build-app.ts';
import { unsetSettings } from '../../../scripts/demo/demo-app.ts';
import { root } from '../root.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { ask } from './ask.ts';
import { eventually, within } from './eventually.ts';
import { checkNoSecret, keepSecretSettings, secrets } from './secrets.ts';

/** What `/api/health` says. */
export type Health = {
  readonly status: string;
  readonly log: { readonly kind: string; readonly latencyMs: number | null };
  readonly streams: number;
  readonly tails: number;
  readonly version: string;
};

/** How a process ended: its exit code, or the signal that ended it. */
export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A server of this app: a `next start` process of its own. Ends with the scope that holds it by `await using`. */
export type App = AsyncDisposable & {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What it printed so far, to stdout and stderr. */
  printed(): string;
  health(): Promise<Health>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ending>;
};

/** Settings; those not given are unset, whatever the environment or a file `.env` says. */
export type AppEnvironment = Readonly<Record<string, string>>;

const readyWithinMs = 20_000;

/** What a process prints only when something is wrong with it, whatever its clients and its log do. */
const surprise = /unexpected error|unhandled|uncaught|MaxListeners|failed to pipe|Warning:/i;

/** A test that timed out never leaves its scope, nor does one whose process ends: what it started is ended here. */
const running = new Set<ChildProcess>();
const endRunning = () => {
  for (const child of running) endGroup(child);
};
afterAll(endRunning);
process.on('exit', endRunning);

/**
 * Starts the built app and waits until it answers. Its log is a file of its own, its publish token the suite's.
 * @param port to start again where another was; any free one when not given.
 * @throws Error with what it printed, when it ends instead or does not answer in time.
 */
export async function startApp(env: AppEnvironment = {}, port = 0): Promise<App> {
  return whenReady(launchApp('start', root, env, port));
}

/** Starts the app by `next dev`, in a copy of its own: one that a developer has running is left alone. */
export async function startDevApp(env: AppEnvironment = {}): Promise<App> {
  mkdirSync(join(root, '.next'), { recursive: true });
  const copy = mkdtempSync(join(root, '.next/copy-'));
  const remove = () => rmSync(copy, { recursive: true, force: true });
  try {
    // Packages are found from any folder within the project; a second lock file would make it look like one of its own.
    for (const source of appSources.filter((name) => name !== 'package-lock.json'))
      cpSync(join(root, source), join(copy, source), { recursive: true });
    const app = await whenReady(launchApp('dev', copy, env, 0));
    return {
      ...app,
      async [Symbol.asyncDispose]() {
        await app[Symbol.asyncDispose]();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Ends a process, and what it has started: `next dev` serves by a process of its own. */
function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function whenReady(app: ReturnType<typeof launchApp>): Promise<App> {
  try {
    const url = await eventually('the app listens', readyWithinMs, () => {
      if (app.hasEnded()) throw new Error('it ended instead of listening');
      return /Local: +(http:\/\/127\.0\.0\.1:\d+)/.exec(app.printed())?.[1];
    });
    // Next listens before it runs the app's own start, and keeps the first request until then. It asks for what is not
    // there, so that a test's own request is the first to reach the app.
    // In development it is made only then.
    await ask({ url }, '/no-such-page', { signal: AbortSignal.timeout(60_000) });
    return {
      ...app,
      url,
      port: Number(new URL(url).port),
      health: async () => JSON.parse((await ask({ url }, '/api/health')).text) as Health,
      [Symbol.asyncDispose]: app.end,
    };
  } catch (error) {
    await app.end();
    throw new Error(`the app could not be started; it printed: ${app.printed()}`, { cause: error });
  }
}

/** Starts the app where it is expected to end by itself; gives how it ended, and what it printed to stderr. */
export async function runApp(env: AppEnvironment): Promise<Ending & { readonly stderr: string }> {
  const app = launchApp('start', root, env, 0);
  try {
    const ending = await within('the app ends by itself', readyWithinMs, app.ended);
    return { ...ending, stderr: app.stderr() };
  } finally {
    await app.end();
  }
}

function launchApp(command: 'start' | 'dev', cwd: string, env: AppEnvironment, port: number) {
  const folder = makeTemporaryFolder();
  keepSecretSettings(env);
  const next = join(root, 'node_modules/next/dist/bin/next');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [next, command, '-p', String(port), '-H', '127.0.0.1'], {
    cwd,
    // A group of its own, so that it ends with all it has started.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH,
      HOME,
      NODE_ENV: command === 'dev' ? 'development' : 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      ...unsetSettings,
      PUBLISH_TOKEN: secrets.publishToken,
      FEED_DB: join(folder.path, 'feed.db'),
      ...env,
    },
  });
  let printed = '';
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  let ending: Ending | null = null;
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => {
      ending = { code, signal };
      resolve(ending);
    });
  });
  running.add(child);
  const { pid = 0 } = child;

  return {
    pid,
    ended,
    hasEnded: () => ending !== null,
    printed: () => printed,
    stderr: () => stderr,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    async end() {
      endGroup(child);
      await ended;
      running.delete(child);
      folder[Symbol.dispose]();
      checkNoSecret(printed, 'what the app printed');
      if (surprise.test(printed)) throw new Error(`the app printed what nobody expects: ${printed}`);
    },
  };
}
