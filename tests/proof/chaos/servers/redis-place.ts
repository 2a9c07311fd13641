import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type RedisServer, startRedisServer } from '../../../../scripts/local-upstash/redis-server.ts';
import type { Truth } from '../oracle/truth.ts';
import { createWitness, type Witness } from '../oracle/witness.ts';

/** The Redis of a run. Its port stays the same when its server is replaced. */
export type RedisPlace = AsyncDisposable & {
  readonly port: number;
  readonly witness: Witness;
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

export async function startRedisPlace(
  folder: string,
  channels: readonly string[],
  truth: Truth,
): Promise<RedisPlace> {
  const dir = join(folder, 'redis');
  const copy = join(folder, 'redis-copy');
  let server: RedisServer = await startRedisServer({ dir, args });
  const { port } = server;
  const witness = createWitness(port, channels, truth);
  await witness.listen();

  const end = async () => {
    witness.leave();
    await server.kill();
  };
  const begin = async () => {
    server = await startRedisServer({ port, dir, args });
    await witness.listen();
  };

  return {
    port,
    witness,
    async restart(downMs) {
      await end();
      await pause(downMs);
      await begin();
    },
    async restartEmpty(downMs) {
      await witness.stopWrites();
      await end();
      truth.lose(new Map());
      rmSync(dir, { recursive: true, force: true });
      await pause(downMs);
      await begin();
    },
    async failOver(behindMs, downMs) {
      await witness.stopWrites();
      cpSync(dir, copy, { recursive: true });
      const left = new Map(channels.map((channel) => [channel, truth.lastSeq(channel)]));
      await witness.call('CLIENT', 'UNPAUSE');
      await pause(behindMs);
      await witness.stopWrites();
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
      witness.leave();
      await server.kill();
    },
  };
}
