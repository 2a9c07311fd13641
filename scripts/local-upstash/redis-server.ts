import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { findFreePort } from '../free-port.ts';

type RedisServerOptions = {
  /** The port on 127.0.0.1. Default: any free port. */
  readonly port?: number;
  /** The folder of its data, which is created if it is missing. Default: the data is lost when the server ends. */
  readonly dir?: string;
  /** More arguments of redis-server. */
  readonly args?: readonly string[];
};

export type RedisServer = {
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server has ended, for any reason. */
  readonly ended: Promise<void>;
  /** Asks the server to end, and waits until it has. */
  stop(): Promise<void>;
  /** Kills the server, as a crash would, and waits until it has ended. */
  kill(): Promise<void>;
};

/**
 * Starts the system's `redis-server` on 127.0.0.1, with eviction off, and waits until it accepts connections. With a
 * `dir` it keeps its data in an append-only file. The server ends when this process ends.
 * @throws Error with the package to install, the port that is in use, or the last line the server printed.
 */
export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await findFreePort(0, '127.0.0.1'));
  if (options.dir !== undefined) mkdirSync(options.dir, { recursive: true });
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: options.dir ?? tmpdir(),
    save: '',
    appendonly: options.dir === undefined ? 'no' : 'yes',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  // Ctrl-C in a terminal signals a whole process group. In a group of its own, the server ends only when this code ends it.
  const child = spawn('redis-server', [...args, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const endWithThisProcess = () => child.kill('SIGTERM');
  process.once('exit', endWithThisProcess);
  ended.then(() => process.off('exit', endWithThisProcess));
  await waitUntilReady(child, port);

  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    ended,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

function waitUntilReady(child: ChildProcess, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-4_000);
      if (printed.includes('Ready to accept connections')) resolve();
    });
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const isMissing = cause.code === 'ENOENT';
      reject(
        new Error(
          isMissing
            ? 'redis-server is not installed. Install it: apt install redis-server (Debian, Ubuntu) or brew install redis (macOS).'
            : `Cannot start redis-server: ${cause.code}.`,
          { cause },
        ),
      );
    });
    child.once('close', () => {
      const isTaken = printed.includes('Address already in use');
      const lastLine = printed.trim().split('\n').at(-1);
      reject(
        new Error(
          isTaken ? `Port ${port} is already in use.` : `redis-server ended at once. It printed: ${lastLine}`,
        ),
      );
    });
  });
}
