import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

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
