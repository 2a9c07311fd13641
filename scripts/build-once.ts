import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What a build is made from. */
const sources = ['app', 'lib', 'instrumentation.ts', 'next.config.mjs', 'package-lock.json'];

const buildId = join(root, '.next/BUILD_ID');
const lockFile = join(root, 'node_modules/.cache/steadfeed/build.lock');
const lockPatienceMs = 180_000;

/**
 * Makes the production build of this folder, unless there is one newer than its sources. Of processes that ask at
 * the same time one builds, and the others wait for it.
 * @throws Error with what `next build` printed, when it fails.
 */
export async function buildOnce(): Promise<void> {
  if (isFresh()) return;
  await lock();
  try {
    if (!isFresh()) await build();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

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
  const env = { ...process.env, NODE_ENV: 'production' as const, NEXT_TELEMETRY_DISABLED: '1' };
  const child = spawn(process.execPath, [next, 'build'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`next build failed:\n${printed}`);
  // A source that changed while it was built is newer than the build.
  utimesSync(buildId, startedAt, startedAt);
}

async function lock(): Promise<void> {
  mkdirSync(join(lockFile, '..'), { recursive: true });
  const until = Date.now() + lockPatienceMs;
  while (!takeLock()) {
    if (Date.now() > until) throw new Error(`another build goes on for too long; its lock is ${lockFile}`);
    await sleep(250);
  }
}

function takeLock(): boolean {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
    if (!isRunning(holder())) rmSync(lockFile, { force: true });
    return false;
  }
}

/** The process that holds the lock; null when it was let go meanwhile, or has not yet been written. */
function holder(): number | null {
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

if (import.meta.main) await buildOnce();
