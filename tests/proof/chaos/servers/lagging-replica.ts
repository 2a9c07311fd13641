import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startRedisServer } from '../../../../scripts/local-upstash/redis-server.ts';
import { listenOnFreePort } from '../../../support/listen-on-free-port.ts';

/** A replica whose replication can be held up, so that it answers with old data. */
export type LaggingReplica = AsyncDisposable & {
  readonly port: number;
  /** Whether it has all data of its server. */
  isUpToDate(): Promise<boolean>;
  /** Holds up the replication, or lets it continue. */
  hold(isHeld: boolean): void;
};

/** Starts a replica of the server at `port`. */
export async function startLaggingReplica(port: number, folder: string): Promise<LaggingReplica> {
  const sockets = new Set<Socket>();
  const links = new Set<Socket>();
  let isHeld = false;
  const link = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    links.add(far);
    if (isHeld) far.pause();
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        sockets.delete(from);
        links.delete(from);
      });
    }
  });
  const linkPort = String(await listenOnFreePort(link));
  const server = await startRedisServer({
    dir: join(folder, 'replica'),
    args: ['--replicaof', '127.0.0.1', linkPort, '--appendonly', 'no'],
  });
  const admin = new Redis({ port: server.port, host: '127.0.0.1' });
  admin.on('error', () => undefined);
  const main = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 100, maxRetriesPerRequest: 0 });
  main.on('error', () => undefined);
  const offsetOf = (text: string, name: string) => Number(new RegExp(`${name}:(\\d+)`).exec(text)?.[1]);

  return {
    port: server.port,
    async isUpToDate() {
      try {
        const theirs = offsetOf(await main.info('replication'), 'master_repl_offset');
        const text = await admin.info('replication');
        const isLinked = text.includes('master_link_status:up');
        return isLinked && offsetOf(text, 'slave_repl_offset') >= theirs;
      } catch {
        // One of the two is down.
        return false;
      }
    },
    hold(isToBeHeld) {
      isHeld = isToBeHeld;
      for (const far of links) {
        if (isHeld) far.pause();
        else far.resume();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const redis of [admin, main]) redis.disconnect();
      const closed = new Promise((resolve) => link.close(resolve));
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, server.kill()]);
    },
  };
}
