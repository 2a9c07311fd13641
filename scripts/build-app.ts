import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { settingNames } from '../lib/config/settings.ts';

/** The files and folders that the app is built from, as paths in the repository, without its packages. */
export const appSources: readonly string[] = [
  'app',
  'lib',
  'instrumentation.ts',
  'next.config.mjs',
  'package-lock.json',
  'package.json',
  'proxy.ts',
  'tsconfig.json',
];

/**
 * The values of the secret settings while a script or a test builds the app. A build needs no secret. With these values
 * the tests can search the build for secrets, and `.env.local` cannot set real ones.
 */
export const buildSecrets = {
  UPSTASH_REDIS_REST_URL: 'https://redis-url-while-building.invalid',
  UPSTASH_REDIS_REST_TOKEN: 'redis-token-while-building',
  KV_REST_API_URL: 'https://kv-url-while-building.invalid',
  KV_REST_API_TOKEN: 'kv-token-while-building',
  REDIS_URL: 'redis://:redis-password-while-building@redis-while-building.invalid',
  PUBLISH_TOKEN: 'publish-token-while-building',
  PUBLISH_TOKEN_PREVIOUS: 'previous-publish-token-while-building',
  READ_TOKEN_SECRET: 'read-token-secret-while-building',
} as const;

/**
 * Every setting of the app, set to nothing, which counts as not set and also keeps `.env.local` from setting it. A script
 * or a test that starts the app begins with these: the app then needs no account, and never touches real data.
 */
export const unsetSettings: Readonly<Record<string, string>> = Object.fromEntries(
  settingNames()
    .filter((name) => name !== 'NODE_ENV')
    .map((name) => [name, '']),
);

const root = fileURLToPath(new URL('..', import.meta.url));

const buildId = join(root, '.next/BUILD_ID');
const lockFile = join(root, 'node_modules/.cache/steadfeed/build.lock');

/**
 * Makes the production build, unless there is one that is newer than its sources. When several processes call this at
 * the same time, one builds and the others wait.
 * @throws Error with the output of `next build`, when it fails or prints a secret.
 */
export async function buildOnce(): Promise<void> {
  if (isFresh()) return;
  await withLock(lockFile, async () => {
    if (!isFresh()) await build();
  });
}

/** The build depends on its secrets too, which are in this file. */
const sources = [...appSources, 'scripts/build-app.ts'];

/** Whether the production build is newer than its sources. */
export function isFresh(): boolean {
  const builtAt = statSync(buildId, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return sources.every((source) => newestMs(join(root, source)) < builtAt);
}

/** When a file, or anything in a folder, last changed. A folder changes when a file is removed from it. */
function newestMs(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

async function build(): Promise<void> {
  const startedAt = new Date();
  const next = join(root, 'node_modules/next/dist/bin/next');
  const own = { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' } as const;
  const env = { ...process.env, ...buildSecrets, ...own };
  const child = spawn(process.execPath, [next, 'build'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`next build failed:\n${printed}`);
  const leaked = findBuildSecret(printed);
  if (leaked !== null) throw new Error(`next build printed the value of ${leaked}:\n${printed}`);
  // With the start as its time, the build is older than a source that changed during the build.
  utimesSync(buildId, startedAt, startedAt);
}

/** The name of the secret setting whose value is in `text`; null: none. */
function findBuildSecret(text: string): string | null {
  return Object.entries(buildSecrets).find(([, secret]) => text.includes(secret))?.[0] ?? null;
}

const maxWaitMs = 180_000;
const retryEveryMs = 250;

/**
 * Runs `run` while holding a lock file, so that no other process with the same lock file runs at the same time. Takes
 * over the lock of a process that has ended without removing it.
 * @throws Error naming the file, when another process holds the lock for more than three minutes.
 */
export async function withLock<T>(lockFile: string, run: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(lockFile), { recursive: true });
  const until = Date.now() + maxWaitMs;
  while (!takeLock(lockFile)) {
    if (Date.now() > until)
      throw new Error(
        `Another build has run for more than ${maxWaitMs / 60_000} minutes. If none is running, delete ${lockFile}.`,
      );
    await sleep(retryEveryMs);
  }
  try {
    return await run();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock(lockFile: string): boolean {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    if (!isRunning(readHolder(lockFile))) rmSync(lockFile, { force: true });
    return false;
  }
}

/** The id of the process that holds the lock; null when the file was just removed, or is not written yet. */
function readHolder(lockFile: string): number | null {
  try {
    return Number(readFileSync(lockFile, 'utf8')) || null;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
}

function isRunning(pid: number | null): boolean {
  if (pid === null) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isCode(error, 'ESRCH');
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
