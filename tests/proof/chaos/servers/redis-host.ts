import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type RedisServer, startRedisServer } from '../../../../scripts/local-upstash/redis-server.ts';
import { createRedisObserver, type RedisObserver } from '../oracle/redis-observer.ts';
import type { Truth } from '../oracle/truth.ts';

/** The Redis of a run. Its port stays the same when its server is replaced. */
export type RedisHost = AsyncDisposable & {
  readonly port: number;
  readonly observer: RedisObserver;
  /** Kills the server and starts it again after `downMs` with everything it had acknowledged. */
  restart(downMs: number): Promise<void>;
  /** The same, but all data is lost. */
  restartEmpty(downMs: number): Promise<void>;
  /** Replaces it by a copy that is `behindMs` old, as a fail-over to a replica does. */
  failOver(behindMs: number, downMs: number): Promise<void>;
  freeze(): void;
  thaw(): void;
};

// "always": acknowledged data is in the file, even if the process is killed.
const args = ['--appendfsync', 'always', '--repl-diskless-sync-delay', '0'];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function startRedisHost(
  folder: string,
  channels: readonly string[],
  truth: Truth,
): Promise<RedisHost> {
  const dir = join(folder, 'redis');
  const copy = join(folder, 'redis-copy');
  let server: RedisServer = await startRedisServer({ dir, args });
  const { port } = server;
  const observer = createRedisObserver(port, channels, truth);
  await observer.listen();

  const end = async () => {
    observer.leave();
    await server.kill();
  };
  const begin = async () => {
    server = await startRedisServer({ port, dir, args });
    await observer.listen();
  };

  return {
    port,
    observer,
    async restart(downMs) {
      await end();
      await pause(downMs);
      await begin();
    },
    async restartEmpty(downMs) {
      await observer.stopWrites();
      await end();
      truth.lose(new Map());
      rmSync(dir, { recursive: true, force: true });
      await pause(downMs);
      await begin();
    },
    async failOver(behindMs, downMs) {
      await observer.stopWrites();
      cpSync(dir, copy, { recursive: true });
      const left = new Map(channels.map((channel) => [channel, truth.lastSeq(channel)]));
      await observer.call('CLIENT', 'UNPAUSE');
      await pause(behindMs);
      await observer.stopWrites();
      await end();
      truth.lose(left);
      rmSync(dir, { recursive: true, force: true });
      cpSync(copy, dir, { recursive: true });
      rmSync(copy, { recursive: true, force: true });
      await pause(downMs);
      await begin();
    },
    freeze: () => void process.kill(server.pid, 'SIGSTOP'),
    thaw: () => void process.kill(server.pid, 'SIGCONT'),
    async [Symbol.asyncDispose]() {
      observer.leave();
      await server.kill();
    },
  };
}
