import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { LockKind } from './sqlite-lock-holder.ts';

/** Starts a process that locks the file; resolves when it has the lock. The lock ends with its scope (`await using`). */
export async function holdLock(file: string, kind: LockKind): Promise<AsyncDisposable> {
  const child = fork(new URL('./sqlite-lock-holder.ts', import.meta.url), [file, kind], {
    execArgv: [],
    stdio: 'inherit',
  });
  const exited = once(child, 'exit');
  await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error('the process that locks the file has ended'))),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
}
