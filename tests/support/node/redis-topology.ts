import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { findFreePort } from '../../../scripts/free-port.ts';
import { type RedisServer, startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import { selfSigned } from '../log/self-signed.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { eventually } from './eventually.ts';

const patienceMs = 60_000;

/** `encrypted`: all servers speak TLS only, with the certificate `selfSigned`. */
type Transport = 'plain' | 'encrypted';

/** A primary, its replica, and one Sentinel that lets the replica take over. They end with their scope. */
export type SentinelStand = AsyncDisposable & {
  /** For `REDIS_URL`. */
  readonly url: string;
  readonly primary: RedisServer;
  /** A connection to it. */
  readonly atPrimary: Redis;
  readonly replica: RedisServer;
  /** Waits until the replica has everything that the primary has. */
  replicated(): Promise<void>;
  /** From now on the replica gets nothing more. Connections of others to the primary that are open stay open. */
  cutReplica(): Promise<void>;
};

/** Starts them, and waits until the Sentinel knows the replica. */
export async function startSentinelStand(transport: Transport = 'plain'): Promise<SentinelStand> {
  const folder = makeTemporaryFolder();
  const tls = transport === 'encrypted' ? writeTlsFiles(folder.path) : null;
  const primary = await startNode(tls, []);
  const replica = await startNode(tls, ['--replicaof', '127.0.0.1', String(primary.port)]);
  const port = await findFreePort(0, '127.0.0.1');
  const file = join(folder.path, 'sentinel.conf');
  const portLines =
    tls === null
      ? `port ${port}`
      : tls
          .settingsAt(port)
          .map((line) => line.join(' '))
          .join('\n');
  writeFileSync(
    file,
    `${portLines}
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
  const sentinel = connect(port, tls);
  await eventually('the Sentinel knows the replica', patienceMs, async () => {
    const replicas = await sentinel.call('SENTINEL', 'replicas', 'feed').catch(() => []);
    return Array.isArray(replicas) && replicas.length === 1 && !String(replicas[0]).includes('s_down');
  });
  const atPrimary = connect(primary.port, tls);
  return {
    url: `${tls === null ? 'redis' : 'rediss'}+sentinel://127.0.0.1:${port}?name=feed`,
    primary,
    atPrimary,
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
  /** Connections to all primaries. */
  readonly primaries: readonly Redis[];
  /** A connection to the replica. */
  readonly atReplica: Redis;
  /**
   * Begins to move the feed's hash slot from the node that holds it to another primary, step by step, as `redis-cli --cluster
   * reshard` does. The second move leads back to `owner`.
   */
  beginMove(): Promise<SlotMove>;
};

/** A move of the feed's hash slot. While it is under way, both nodes hold a part of the slot's keys. */
export type SlotMove = {
  /** Moves the keys that are there now. */
  moveKeys(): Promise<void>;
  /** Moves what is left, and gives the slot to its new node. */
  finish(): Promise<void>;
};

/** Starts it, and waits until every node says that it is complete. */
export async function startClusterStand(transport: Transport = 'plain'): Promise<ClusterStand> {
  const run = promisify(execFile);
  const folder = makeTemporaryFolder();
  const tls = transport === 'encrypted' ? writeTlsFiles(folder.path) : null;
  const cli = (...args: readonly string[]) =>
    run('redis-cli', [...(tls?.cliArgs ?? []), '--cluster', ...args]);
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
    servers.push(await startNode(tls, [...args, '--cluster-port', String(busPort)]));
  }
  const connections = servers.map(({ port }) => connect(port, tls));
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await cli('create', ...addresses.slice(0, 3), '--cluster-yes');
  const [a, , , d] = connections;
  if (a === undefined || d === undefined) throw new Error('a node is missing');
  const slot = Number(await a.call('CLUSTER', 'KEYSLOT', '{steadfeed}'));
  const index = Math.min(2, Math.floor(slot / (16_384 / 3)));
  const owner = servers[index];
  const atOwner = connections[index];
  if (owner === undefined || atOwner === undefined) throw new Error('no node holds the feed');
  const id = String(await atOwner.call('CLUSTER', 'MYID'));
  const added = [addresses[3] ?? '', addresses[index] ?? ''];
  await cli('add-node', ...added, '--cluster-slave', '--cluster-master-id', id);
  await eventually('the cluster is complete', patienceMs, async () => {
    const infos = await Promise.all(connections.map((each) => each.call('CLUSTER', 'INFO')));
    const replication = String(await d.call('INFO', 'replication'));
    return (
      infos.every((info) => String(info).includes('cluster_state:ok')) &&
      replication.includes('master_link_status:up') &&
      String(await a.call('CLUSTER', 'NODES')).includes(`slave ${id}`)
    );
  });
  let moves = 0;
  return {
    url: `${tls === null ? 'redis' : 'rediss'}+cluster://${addresses[(index + 1) % 3]}`,
    owner,
    atOwner,
    primaries: connections.slice(0, 3),
    atReplica: d,
    async beginMove() {
      const ways = [index, (index + 1) % 3].map((each) => ({
        at: connections[each] ?? atOwner,
        port: servers[each]?.port ?? 0,
      }));
      const [from, to] = moves % 2 === 0 ? ways : ways.toReversed();
      moves += 1;
      if (from === undefined || to === undefined) throw new Error('a node is missing');
      return beginMove({ slot, from: from.at, to: to.at, toPort: to.port, all: connections });
    },
    async [Symbol.asyncDispose]() {
      for (const each of connections) each.disconnect();
      await Promise.all(servers.map((server) => server.kill()));
      folder[Symbol.dispose]();
    },
  };
}

type MoveOptions = {
  readonly slot: number;
  readonly from: Redis;
  readonly to: Redis;
  readonly toPort: number;
  readonly all: readonly Redis[];
};

async function beginMove({ slot, from, to, toPort, all }: MoveOptions): Promise<SlotMove> {
  const [fromId, toId] = (await Promise.all([from, to].map((each) => each.call('CLUSTER', 'MYID')))).map(
    String,
  );
  if (fromId === undefined || toId === undefined) throw new Error('a node has no id');
  await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
  await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
  const moveKeys = async () => {
    const keys = await from.call('CLUSTER', 'GETKEYSINSLOT', slot, '10000');
    if (!Array.isArray(keys) || keys.length === 0) return;
    await from.call('MIGRATE', '127.0.0.1', toPort, '', '0', '30000', 'KEYS', ...keys.map(String));
  };
  return {
    moveKeys,
    async finish() {
      await moveKeys();
      // The node that gets the slot learns it first, so that it knows the slot when the other one sends clients to it.
      await to.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      await from.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      await eventually('every node knows who has the slot', patienceMs, async () => {
        const answers = await Promise.all(all.map((each) => each.call('CLUSTER', 'NODES')));
        return answers.every((nodes) =>
          String(nodes)
            .split('\n')
            .some((line) => line.startsWith(toId) && holds(line, slot)),
        );
      });
    },
  };
}

/** Whether a line of `CLUSTER NODES` has the slot in one of its ranges. */
function holds(line: string, slot: number): boolean {
  return line
    .split(' ')
    .slice(8)
    .some((range) => {
      const [first = '', last = first] = range.split('-');
      return Number(first) <= slot && slot <= Number(last);
    });
}

/** The files of a server that speaks TLS only, and how to reach it. */
type TlsFiles = {
  /** The settings of a server on a port. */
  settingsAt(port: number): readonly (readonly [name: string, value: string])[];
  /** For `redis-cli`. */
  readonly cliArgs: readonly string[];
};

function writeTlsFiles(folder: string): TlsFiles {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, selfSigned.cert);
  writeFileSync(key, selfSigned.key);
  return {
    settingsAt: (port) => [
      ['port', '0'],
      ['tls-port', String(port)],
      ['tls-cert-file', cert],
      ['tls-key-file', key],
      ['tls-ca-cert-file', cert],
      ['tls-auth-clients', 'no'],
      ['tls-replication', 'yes'],
    ],
    cliArgs: ['--tls', '--cacert', cert],
  };
}

async function startNode(tls: TlsFiles | null, args: readonly string[]): Promise<RedisServer> {
  if (tls === null) return startRedisServer({ args });
  const port = await findFreePort(0, '127.0.0.1');
  const settings = tls.settingsAt(port).flatMap(([name, value]) => [`--${name}`, value]);
  const isInCluster = args.includes('--cluster-enabled');
  const bus = isInCluster ? ['--tls-cluster', 'yes'] : [];
  return startRedisServer({ port, args: [...settings, ...bus, ...args] });
}

function connect(port: number, tls: TlsFiles | null): Redis {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    retryStrategy: () => 100,
    maxRetriesPerRequest: 0,
    ...(tls !== null && { tls: { ca: selfSigned.cert } }),
  });
  redis.on('error', () => undefined);
  return redis;
}
