import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unsetSettings } from '../../../../scripts/demo/demo-app.ts';
import { root } from '../../../support/root.ts';

const preload = new URL('moved-clock.ts', import.meta.url).href;

/** A `next start` process of the production build. */
export type AppProcess = {
  readonly port: number;
  readonly pid: number;
  /** The fault that has ended it; null while none has. */
  endedBy: string | null;
  /** What it printed last. */
  printed(): string;
  hasEnded(): boolean;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  signal(signal: NodeJS.Signals): void;
};

const readyWithinMs = 60_000;
const keptOutput = 20_000;

/**
 * Starts one, and waits until it listens.
 * @param folder of the build; null: this project's own.
 * @param clockFile holds how far its clock is off, in ms; it may change at any time.
 * @throws Error with what it printed, when it ends instead.
 */
export async function startAppProcess(
  folder: string | null,
  env: Readonly<Record<string, string>>,
  clockFile: string,
): Promise<AppProcess> {
  const { PATH = '', HOME = '' } = process.env;
  const next = join(root, 'node_modules/next/dist/bin/next');
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
  // However this process ends, the app does not outlive it.
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
  throw new Error(`the app could not be started; it printed: ${printed}`);
}
