import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FeedError } from '../../lib/core/feed-error.ts';

/**
 * Every setting of the feed, not set: an empty one counts as that, and keeps a file `.env.local` from setting it. A
 * process of the app that a script or a test starts begins from this, so that it needs no account and touches nobody's
 * data.
 */
export const unsetSettings = {
  UPSTASH_REDIS_REST_URL: '',
  UPSTASH_REDIS_REST_TOKEN: '',
  KV_REST_API_URL: '',
  KV_REST_API_TOKEN: '',
  FEED_DB: '',
  FEED_RETENTION: '',
  CHANNEL_MAX_IDLE_DAYS: '',
  PUBLISH_TOKEN: '',
  PUBLISH_TOKEN_PREVIOUS: '',
  PUBLISH_RATE: '',
  READ_TOKEN_SECRET: '',
  STREAM_MAX_SECONDS: '',
  STREAM_MAX_CONNECTIONS: '',
  STREAM_MAX_PER_ADDRESS: '',
  HEARTBEAT_SECONDS: '',
  TAIL_CHECK_SECONDS: '',
  POLL_MODE: '',
  PROBE_MAX_SECONDS: '',
  ALLOWED_ORIGINS: '',
  VERCEL: '',
} as const;

/** The app as a process of its own. */
export type DemoApp = {
  /** Resolves when the process has ended, with what it printed last. */
  readonly ended: Promise<string>;
  /** Asks it to end, and makes it end when it does not. */
  stop(): Promise<void>;
};

/** Settings of the demo: streams end soon, so that handovers are seen. */
const settings = { ...unsetSettings, FEED_DB: '.data/demo.db', STREAM_MAX_SECONDS: '30' } as const;

const readyWithinMs = 30_000;

/** How long the app may take to end by itself: it promises 5 s. */
const stopWithinMs = 6_000;

/** Most of what it printed that is kept, in characters. */
const keptOutput = 4_000;

/**
 * Starts the built app on `port` of this machine alone, and waits until its health route answers.
 * @param publishToken the token it takes events with.
 * @throws FeedError `internal-error` with what it printed, when it ends or does not answer within 30 s.
 */
export async function startDemoApp(root: string, port: number, publishToken: string): Promise<DemoApp> {
  const next = join(root, 'node_modules/next/dist/bin/next');
  const child = spawn(process.execPath, [next, 'start', '-p', String(port), '-H', '127.0.0.1'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      NEXT_TELEMETRY_DISABLED: '1',
      ...settings,
      PUBLISH_TOKEN: publishToken,
    },
  });
  const app = watch(child);
  const reason = await waitUntilReady(`http://127.0.0.1:${port}/api/health`, app);
  if (reason === null) return app;
  await app.stop();
  throw new FeedError('internal-error', `the app did not start: ${reason}\n${await app.ended}`);
}

function watch(child: ChildProcess): DemoApp {
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text) => {
      printed = `${printed}${text}`.slice(-keptOutput);
    });
  }
  // However this process ends, the app does not outlive it.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`${printed}${error.message}`));
    child.once('close', () => resolve(printed));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const force = setTimeout(kill, stopWithinMs);
    await ended;
    clearTimeout(force);
    process.off('exit', kill);
  };
  return { ended, stop };
}

/** Null when the app answers; else why it does not. */
async function waitUntilReady(health: string, app: DemoApp): Promise<string | null> {
  let hasEnded = false;
  void app.ended.then(() => {
    hasEnded = true;
  });
  let reason = 'no answer';
  for (const endMs = Date.now() + readyWithinMs; Date.now() < endMs && !hasEnded; await sleep(100)) {
    try {
      const response = await fetch(health, { signal: AbortSignal.timeout(5_000) });
      if (response.ok) return null;
      reason = `its health route answers ${response.status}: ${await response.text()}`;
    } catch (cause) {
      reason = cause instanceof Error ? cause.message : String(cause);
    }
  }
  return hasEnded ? 'it ended' : reason;
}
