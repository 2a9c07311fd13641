import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unsetSettings } from '../../../../scripts/build-app.ts';
import { root } from '../../../support/root.ts';

const preload = new URL('moved-clock.ts', import.meta.url).href;

/** A `next start` process of the production build. */
export type AppProcess = {
  readonly port: number;
  readonly pid: number;
  /** The fault that ended this process; null while no fault did. */
  endedBy: string | null;
  /** The end of its output. */
  printed(): string;
  hasEnded(): boolean;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  signal(signal: NodeJS.Signals): void;
};

const readyWithinMs = 60_000;
const keptOutput = 20_000;

/**
 * Starts a process and waits until it listens.
 * @param folder the folder of the build; null: this project.
 * @param clockFile the file with the error of its clock, in ms; its content may change at any time.
 * @throws Error with the output of the process, if it ends instead.
 */
export async function startAppProcess(
  folder: string | null,
  env: Readonly<Record<string, string>>,
  clockFile: string,
): Promise<AppProcess> {
  const { PATH = '', HOME = '' } = process.env;
  const next = createRequire(join(folder ?? root, 'package.json')).resolve('next/dist/bin/next');
  const child = spawn(process.execPath, ['--import', preload, next, 'start', '-p', '0', '-H', '127.0.0.1'], {
    cwd: folder ?? root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...{ PATH, HOME, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
      ...unsetSettings,
      ...env,
      CHAOS_CLOCK: clockFile,
    },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      printed = `${printed}${text}`.slice(-keptOutput);
    });
  }
  // The app must not outlive this process.
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  void ended.then(() => {
    hasEnded = true;
    process.off('exit', kill);
  });
  for (const endMs = performance.now() + readyWithinMs; performance.now() < endMs && !hasEnded; ) {
    const port = Number(/Local: +http:\/\/127\.0\.0\.1:(\d+)/.exec(printed)?.[1]);
    if (port > 0 && printed.includes('Ready')) {
      return {
        ...{
          port,
          pid: child.pid ?? 0,
          endedBy: null,
          printed: () => printed,
          hasEnded: () => hasEnded,
          ended,
        },
        signal: (signal) => void child.kill(signal),
      };
    }
    await sleep(20);
  }
  kill();
  throw new Error(`The app did not start. It printed: ${printed}`);
}
