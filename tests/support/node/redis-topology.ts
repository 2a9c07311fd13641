import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { findFreePort } from '../../../scripts/free-port.ts';
import { type RedisServer, startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { eventually } from './eventually.ts';

const patienceMs = 60_000;

/** A primary, its replica, and one Sentinel that lets the replica take over. They end with their scope. */
export type SentinelStand = AsyncDisposable & {
  /** For `REDIS_URL`. */
  readonly url: string;
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  /** Waits until the replica has everything that the primary has. */
  replicated(): Promise<void>;
  /** From now on the replica gets nothing more. Connections of others to the primary that are open stay open. */
  cutReplica(): Promise<void>;
};

/** Starts them, and waits until the Sentinel knows the replica. */
export async function startSentinelStand(): Promise<SentinelStand> {
  const folder = makeTemporaryFolder();
  const primary = await startRedisServer();
  const replica = await startRedisServer({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
  const port = await findFreePort(0, '127.0.0.1');
  const file = join(folder.path, 'sentinel.conf');
  writeFileSync(
    file,
    `port ${port}
bind 127.0.0.1
dir ${folder.path}
sentinel monitor feed 127.0.0.1 ${primary.port} 1
sentinel down-after-milliseconds feed 1000
sentinel failover-timeout feed 5000
`,
  );
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => child.once('close', resolve));
  process.once('exit', () => child.kill());
  const sentinel = connect(port);
  await eventually('the Sentinel knows the replica', patienceMs, async () => {
    const replicas = await sentinel.call('SENTINEL', 'replicas', 'feed').catch(() => []);
    return Array.isArray(replicas) && replicas.length === 1 && !String(replicas[0]).includes('s_down');
  });
  const atPrimary = connect(primary.port);
  return {
    url: `redis+sentinel://127.0.0.1:${port}?name=feed`,
    primary,
    replica,
    async replicated() {
      await eventually('the replica has everything', patienceMs, async () => {
        return Number(await atPrimary.call('WAIT', '1', '1000')) === 1;
      });
    },
    async cutReplica() {
      await atPrimary.call('CONFIG', 'SET', 'requirepass', 'the-replica-does-not-know-it');
      await atPrimary.call('CLIENT', 'KILL', 'TYPE', 'replica');
    },
    async [Symbol.asyncDispose]() {
      sentinel.disconnect();
      atPrimary.disconnect();
      child.kill();
      await ended;
      await Promise.all([primary.kill(), replica.kill()]);
      folder[Symbol.dispose]();
    },
  };
}

/** A Redis Cluster of three nodes, and a replica of the one that holds the feed. They end with their scope. */
export type ClusterStand = AsyncDisposable & {
  /** For `REDIS_URL`. It names only a node that does not hold the feed. */
  readonly url: string;
  /** The node that holds the feed at the start. */
  readonly owner: RedisServer;
  /** A connection to it. */
  readonly atOwner: Redis;
  /** A connection to the replica. */
  readonly atReplica: Redis;
};

/** Starts it, and waits until every node says that it is complete. */
export async function startClusterStand(): Promise<ClusterStand> {
  const run = promisify(execFile);
  const folder = makeTemporaryFolder();
  const servers: RedisServer[] = [];
  for (const name of ['a', 'b', 'c', 'd']) {
    const config = join(folder.path, `${name}.conf`);
    const args = [
      '--cluster-enabled',
      'yes',
      '--cluster-config-file',
      config,
      '--cluster-node-timeout',
      '2000',
    ];
    // The bus of the cluster listens at 10,000 above the port by default: that port may be in use, or not exist.
    const busPort = await findFreePort(0, '127.0.0.1');
    servers.push(await startRedisServer({ args: [...args, '--cluster-port', String(busPort)] }));
  }
  const connections = servers.map(({ port }) => connect(port));
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses.slice(0, 3), '--cluster-yes']);
  const [a, , , d] = connections;
  if (a === undefined || d === undefined) throw new Error('a node is missing');
  const slot = Number(await a.call('CLUSTER', 'KEYSLOT', '{steadfeed}'));
  const index = Math.min(2, Math.floor(slot / (16_384 / 3)));
  const owner = servers[index];
  const atOwner = connections[index];
  if (owner === undefined || atOwner === undefined) throw new Error('no node holds the feed');
  const id = String(await atOwner.call('CLUSTER', 'MYID'));
  const added = [addresses[3] ?? '', addresses[index] ?? ''];
  await run('redis-cli', ['--cluster', 'add-node', ...added, '--cluster-slave', '--cluster-master-id', id]);
  await eventually('the cluster is complete', patienceMs, async () => {
    const infos = await Promise.all(connections.map((each) => each.call('CLUSTER', 'INFO')));
    const replication = String(await d.call('INFO', 'replication'));
    return (
      infos.every((info) => String(info).includes('cluster_state:ok')) &&
      replication.includes('master_link_status:up') &&
      String(await a.call('CLUSTER', 'NODES')).includes(`slave ${id}`)
    );
  });
  return {
    url: `redis+cluster://${addresses[(index + 1) % 3]}`,
    owner,
    atOwner,
    atReplica: d,
    async [Symbol.asyncDispose]() {
      for (const each of connections) each.disconnect();
      await Promise.all(servers.map((server) => server.kill()));
      folder[Symbol.dispose]();
    },
  };
}

function connect(port: number): Redis {
  const redis = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 100, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  return redis;
}
