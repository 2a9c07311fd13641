import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { findFreePort } from '../free-port.ts';

type RedisServerOptions = {
  /** Port on 127.0.0.1; any free one when not given. */
  readonly port?: number;
  /** Folder of its data, made where it is missing; not given, nothing is kept. */
  readonly dir?: string;
  /** More arguments, as on its command line. */
  readonly args?: readonly string[];
};

export type RedisServer = {
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly pid: number;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
  /** Ends it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
};

/**
 * Starts the system's `redis-server` on 127.0.0.1, with eviction off, and waits until it takes connections. With a
 * `dir` its data are kept in an append-only file. It ends with this process.
 * @throws Error that names the package to install, the port that is taken, or what the server said last.
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
  // Ctrl-C goes to a terminal's whole group; detached, the server is ended by whoever started it, in order.
  const child = spawn('redis-server', [...args, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const endWithUs = () => child.kill('SIGTERM');
  process.once('exit', endWithUs);
  ended.then(() => process.off('exit', endWithUs));
  await isReady(child, port);

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

function isReady(child: ChildProcess, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000);
      if (said.includes('Ready to accept connections')) resolve();
    });
    child.once('error', (cause: NodeJS.ErrnoException) => {
      const isMissing = cause.code === 'ENOENT';
      reject(
        new Error(
          isMissing
            ? 'redis-server is not installed: install the package redis-server (Debian, Ubuntu: apt install redis-server) or redis (macOS: brew install redis)'
            : `redis-server could not be started: ${cause.code}`,
          { cause },
        ),
      );
    });
    child.once('close', () => {
      const isTaken = said.includes('Address already in use');
      const lastLine = said.trim().split('\n').at(-1);
      reject(new Error(isTaken ? `port ${port} is taken` : `redis-server ended at once: ${lastLine}`));
    });
  });
}
