import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { appSources, unsetSettings } from '../../../scripts/build-app.ts';
import { appFolder, root } from '../root.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { ask } from './ask.ts';
import { eventually, within } from './eventually.ts';
import { checkNoSecret, keepSecretSettings, secrets } from './secrets.ts';

/** The body of `/api/health`. */
export type Health = {
  readonly status: string;
  readonly log: { readonly kind: string; readonly latencyMs: number | null };
  readonly access: 'open' | 'restricted';
  readonly streams: number;
  readonly tails: number;
  readonly version: string;
  readonly build: string | null;
};

/** How a process ended: its exit code, or the signal that ended it. */
export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A server of this app in its own process (`next start`). It ends with its scope (`await using`). */
export type App = AsyncDisposable & {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** The text that it has printed to stdout and stderr so far. */
  printed(): string;
  health(): Promise<Health>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended. */
  readonly ended: Promise<Ending>;
};

/**
 * Settings. All others are empty: the environment of this process and a file `.env` have no effect. One that is undefined here
 * has the value of such a file.
 */
export type AppEnvironment = Readonly<Record<string, string | undefined>>;

const readyWithinMs = 60_000;

/** Text that a healthy process never prints, whatever its clients and its log do. */
const unexpectedText = /unexpected error|unhandled|uncaught|MaxListeners|failed to pipe|Warning:/i;

/** The started processes. A test that times out never leaves its scope, so its processes are ended here. */
const running = new Set<ChildProcess>();
const endRunning = () => {
  for (const child of running) endGroup(child);
};
afterAll(endRunning);
process.on('exit', endRunning);

/**
 * Starts the built app and waits until it answers. It has its own log file, and the publish token of the suite.
 * @param port the port of an earlier process, to start again there. Default: any free port.
 * @throws Error with its output if it ends or does not answer in time.
 */
export async function startApp(env: AppEnvironment = {}, port = 0): Promise<App> {
  return whenReady(launchApp({ ...nextCommand(process.execPath, 'start', port), env }));
}

/**
 * Starts the app as told, by `npm start` or by another Node. Its `kill` and its `ended` are those of the process that was
 * started; it has ended when the processes that it started have ended too.
 */
export async function startAppBy(launch: Launch): Promise<App> {
  return whenReady(launchApp(launch));
}

/**
 * Starts the app with `next dev`, in its own copy: it does not disturb the developer's own `next dev`.
 * @param by the command line that starts it; default: Next itself.
 */
export async function startDevApp(
  env: AppEnvironment = {},
  by: Launch = nextCommand(process.execPath, 'dev', 0),
): Promise<App> {
  const copy = copyApp();
  try {
    const app = await whenReady(launchApp({ ...by, env, cwd: copy.path }));
    return {
      ...app,
      async [Symbol.asyncDispose]() {
        await app[Symbol.asyncDispose]();
        copy[Symbol.dispose]();
      },
    };
  } catch (error) {
    copy[Symbol.dispose]();
    throw error;
  }
}

/** A copy of the app's sources, in the project, where Node finds the packages. */
export function copyApp(): Disposable & { readonly path: string } {
  mkdirSync(join(root, '.next'), { recursive: true });
  const path = mkdtempSync(join(root, '.next/copy-'));
  // With a second lock file the copy would look like a project.
  for (const source of appSources.filter((name) => name !== 'package-lock.json'))
    cpSync(join(root, source), join(path, source), { recursive: true });
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Ends a process and its children: `next dev` serves from a child process. */
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
      if (app.hasEnded()) throw new Error('the app ended before it listened');
      return /Local: +(http:\/\/127\.0\.0\.1:\d+)/.exec(app.printed())?.[1];
    });
    // Next listens before the app's own start code has run, and lets the first request wait for it. This first request
    // is for an unknown path, so that the first request of a test is also the first one that reaches the app. In
    // development Next compiles the app only now.
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
    throw new Error(`the app did not start; it printed: ${app.printed()}`, { cause: error });
  }
}

/** Starts an app that must end by itself. @returns how it ended, and its stderr. */
export async function runApp(env: AppEnvironment): Promise<Ending & { readonly stderr: string }> {
  return runAppBy({ ...nextCommand(process.execPath, 'start', 0), env });
}

/** Starts an app as told, which must end by itself. @returns how it ended, and its stderr. */
export async function runAppBy(launch: Launch): Promise<Ending & { readonly stderr: string }> {
  const app = launchApp(launch);
  try {
    const ending = await within('the app ends by itself', readyWithinMs, app.ended);
    return { ...ending, stderr: app.stderr() };
  } finally {
    await app.end();
  }
}

/** How the app is started. */
export type Launch = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: AppEnvironment;
  /** The folder of the app; default: this one. */
  readonly cwd?: string;
};

/** Next itself, as told. @param node the program that runs it. */
export function nextCommand(node: string, kind: 'start' | 'dev', port: number): Launch {
  return {
    command: node,
    args: [join(appFolder, 'node_modules/next/dist/bin/next'), kind, ...listenOn(port)],
  };
}

/** The arguments with which Next listens on this machine only. */
export function listenOn(port: number): readonly string[] {
  return ['-p', String(port), '-H', '127.0.0.1'];
}

function launchApp({ command, args, env = {}, cwd = appFolder }: Launch) {
  const folder = makeTemporaryFolder();
  keepSecretSettings(env);
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, {
    cwd,
    // Its own process group, so that its children end with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH,
      HOME,
      NODE_ENV: args.includes('dev') ? 'development' : 'production',
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
      checkNoSecret(printed, 'the output of the app');
      if (unexpectedText.test(printed))
        throw new Error(`the app printed an unexpected error or warning: ${printed}`);
    },
  };
}
