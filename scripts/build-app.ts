import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** What the app is built from, as paths in the checkout; its packages besides. */
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
 * What the secret settings are while a script or a test builds the app. A build needs none of them, and keeps none: these
 * are looked for in all that it made. They also keep a file `.env.local` out of it.
 */
export const buildSecrets = {
  UPSTASH_REDIS_REST_URL: 'https://redis-url-while-building.invalid',
  UPSTASH_REDIS_REST_TOKEN: 'redis-token-while-building',
  KV_REST_API_URL: 'https://kv-url-while-building.invalid',
  KV_REST_API_TOKEN: 'kv-token-while-building',
  PUBLISH_TOKEN: 'publish-token-while-building',
  PUBLISH_TOKEN_PREVIOUS: 'previous-publish-token-while-building',
  READ_TOKEN_SECRET: 'read-token-secret-while-building',
} as const;

/** The name of a secret setting that `text` holds; null: none. */
function findBuildSecret(text: string): string | null {
  return Object.entries(buildSecrets).find(([, secret]) => text.includes(secret))?.[0] ?? null;
}

const root = fileURLToPath(new URL('..', import.meta.url));

const buildId = join(root, '.next/BUILD_ID');
const lockFile = join(root, 'node_modules/.cache/steadfeed/build.lock');

/**
 * Makes the production build of this folder, unless there is one newer than its sources. Of processes that ask at
 * the same time one builds, and the others wait for it.
 * @throws Error with what `next build` printed, when it fails or prints a secret.
 */
export async function buildOnce(): Promise<void> {
  if (isFresh()) return;
  await withLock(lockFile, async () => {
    if (!isFresh()) await build();
  });
}

/** What the build depends on. */
const sources = [...appSources, 'scripts/build-app.ts'];

/** Whether the production build is newer than its sources. */
export function isFresh(): boolean {
  const builtAt = statSync(buildId, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return sources.every((source) => newestMs(join(root, source)) < builtAt);
}

/** When a file, or anything in a folder, was last changed. A folder changes when a file leaves it. */
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
  const told = findBuildSecret(printed);
  if (told !== null) throw new Error(`next build printed ${told}:\n${printed}`);
  // A source that changed while it was built is newer than the build.
  utimesSync(buildId, startedAt, startedAt);
}

const patienceMs = 180_000;
const everyMs = 250;

/**
 * Runs `run` while no other process, of those that ask with the same `lockFile`, does. A lock whose holder has ended
 * without letting go is taken over.
 * @throws Error naming the file, when another process holds it for more than three minutes.
 */
export async function withLock<T>(lockFile: string, run: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(lockFile), { recursive: true });
  const until = Date.now() + patienceMs;
  while (!takeLock(lockFile)) {
    if (Date.now() > until) throw new Error(`another build goes on for too long; its lock is ${lockFile}`);
    await sleep(everyMs);
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
    if (!isRunning(holderOf(lockFile))) rmSync(lockFile, { force: true });
    return false;
  }
}

/** The process that holds the lock; null when it was let go meanwhile, or has not yet been written. */
function holderOf(lockFile: string): number | null {
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
