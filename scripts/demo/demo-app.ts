import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FeedError } from '../../lib/core/feed-error.ts';
import { defaultChannel } from '../../lib/core/ids.ts';
import { unsetSettings } from '../build-app.ts';

/** The app, in a process of its own. */
export type DemoApp = {
  readonly pid: number;
  /** Resolves when the process has ended, with the last output it printed. */
  readonly ended: Promise<string>;
  /** Asks the process to end, and kills it if it does not. */
  stop(): Promise<void>;
  /** Stops the process with SIGSTOP, or lets it go on. */
  freeze(isFrozen: boolean): void;
};

/** The channel with the commits of this repository. */
export const commitsChannel = 'public:commits';

/** How many events the log of the demo keeps in a channel: few, so that the page can show what happens to older ones. */
export const demoRetention = 5_000;

/** Streams end soon, so that the reader of the demo sees handovers. The page shows the panels with the faults and the hosts. */
const settings = {
  ...unsetSettings,
  STREAM_MAX_SECONDS: '30',
  FEED_RETENTION: String(demoRetention),
  DEMO_FAULTS: 'on',
  DEMO_HOSTS: 'on',
  DEMO_CHANNELS: `${defaultChannel},${commitsChannel}`,
};

const readyWithinMs = 30_000;

/** The app promises to end within 5 s of SIGTERM. */
const stopWithinMs = 6_000;

/** How much of the app's output is kept, in characters. */
const maxOutput = 4_000;

/**
 * Starts the built app on `port`, reachable from this machine only, and waits until its health route answers.
 * @param basePath the app's path at its origin, such as `/app`; empty: none.
 * @param publishToken the app accepts events with this token only.
 * @param own settings that differ from the demo's: the file of the embedded log, or Redis.
 * @throws FeedError `internal-error` with the app's output, when it ends or does not answer within 30 s.
 */
export async function startDemoApp(
  root: string,
  port: number,
  basePath: string,
  publishToken: string,
  own: Readonly<Record<string, string>> = { FEED_DB: '.data/demo.db' },
): Promise<DemoApp> {
  const next = join(root, 'node_modules/next/dist/bin/next');
  const child = spawn(process.execPath, [next, 'start', '-p', String(port), '-H', '127.0.0.1'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      ...settings,
      ...own,
      PUBLISH_TOKEN: publishToken,
    },
  });
  const app = watch(child);
  const failure = await waitUntilReady(`http://127.0.0.1:${port}${basePath}/api/health`, app);
  if (failure === null) return app;
  await app.stop();
  throw new FeedError('internal-error', `The app did not start: ${failure}. It printed:\n${await app.ended}`);
}

function watch(child: ChildProcess): DemoApp {
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text) => {
      printed = `${printed}${text}`.slice(-maxOutput);
    });
  }
  // The app must not outlive this process, however it ends.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${printed}${error.message}`));
    child.once('close', () => resolve(printed));
  });
  const stop = async () => {
    // A frozen process would not get the next signal.
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    const force = setTimeout(kill, stopWithinMs);
    await ended;
    clearTimeout(force);
    process.off('exit', kill);
  };
  const freeze = (isFrozen: boolean) => void child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  return { pid: child.pid ?? 0, ended, stop, freeze };
}

/** Waits until the app answers. @returns why it does not; null when it does. */
async function waitUntilReady(health: string, app: DemoApp): Promise<string | null> {
  let hasEnded = false;
  void app.ended.then(() => {
    hasEnded = true;
  });
  let failure = 'no answer';
  for (const endMs = Date.now() + readyWithinMs; Date.now() < endMs && !hasEnded; await sleep(100)) {
    try {
      const response = await fetch(health, { signal: AbortSignal.timeout(5_000) });
      if (response.ok) return null;
      failure = `its health route answers ${response.status}: ${await response.text()}`;
    } catch (cause) {
      failure = cause instanceof Error ? cause.message : String(cause);
    }
  }
  return hasEnded ? 'its process ended' : failure;
}
