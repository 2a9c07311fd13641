import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { parseRedisUrl } from '../../../lib/core/redis-address.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { startLocalUpstash } from '../../../scripts/local-upstash/local-upstash.ts';
import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';
import { steadfeed } from './contestants.ts';
import { median } from './figures.ts';

/*
 * Compares the two ways to Redis on this machine: node tests/proof/bench/redis-transports.ts
 *
 * First the latencies of a log: the rounds of the two ways alternate, so that what else the machine does weighs on both. The
 * endpoint of the REST API runs in this process too, so its own work is part of the REST figures. Then the commands and the
 * connections of a server (`npm run build` before it), each with a Redis of its own that counts. Prints rows of the tables in
 * docs/performance.md. Takes about six minutes.
 */

const rounds = 300;
const burst = 100;
const timeoutMs = 60_000;

/** As `redis-idle.ts`: the checks are a minute apart after 80 s, and 105 s hold one or two of them. */
const restMs = 80_000;
const watchMs = 105_000;

const channels = Array.from({ length: 20 }, (_, index) => `c${index}`);

/** A Redis that one server uses, in one of the two ways. */
async function startWay(name: 'REST' | 'TCP') {
  const server = await startRedisServer();
  const upstash = await startLocalUpstash({ redisPort: server.port, token: 't' });
  const redis = new Redis({ host: '127.0.0.1', port: server.port });
  const address = parseRedisUrl(server.url);
  if (address === null) throw new Error('not a URL of Redis');
  const options = { retention: 10_000, timeoutMs };
  return {
    name,
    log: createRedisLog(
      name === 'TCP' ? { ...options, address } : { ...options, url: upstash.url, token: 't' },
    ),
    env:
      name === 'TCP'
        ? { REDIS_URL: server.url }
        : { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: 't' },
    /** The port that the server connects to. */
    port: name === 'TCP' ? server.port : Number(new URL(upstash.url).port),
    /** How many commands the server has sent since the last call, by the counters of Redis. */
    async commands(): Promise<number> {
      const stats = await redis.info('commandstats');
      await redis.config('RESETSTAT');
      const calls = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
      return calls.reduce((sum, [, of = '', count]) => sum + (sentCommands.test(of) ? Number(count) : 0), 0);
    },
    async close() {
      redis.disconnect();
      await upstash.close();
      await server.stop();
    },
  };
}

type Way = Awaited<ReturnType<typeof startWay>>;

/** What a server sends. The other commands run inside the scripts, or are those of this measurement. */
const sentCommands = /^(eval|ping|subscribe|unsubscribe|exists)$/;

const rows = new Map<string, Map<string, string>>();

function addCell(row: string, way: Way, cell: string): void {
  rows.set(row, (rows.get(row) ?? new Map<string, string>()).set(way.name, cell));
}

async function measureLatencies(ways: readonly Way[]): Promise<void> {
  const taken = new Map<string, Map<Way, number[]>>();
  const measure = async (what: string, way: Way, work: () => Promise<unknown>) => {
    const begun = performance.now();
    await work();
    const ofWay = taken.get(what) ?? new Map<Way, number[]>();
    taken.set(what, ofWay.set(way, [...(ofWay.get(way) ?? []), performance.now() - begun]));
  };
  const append = ({ log }: Way, channel: string) =>
    log.append({ events: [{ channel, type: 'message', data: '"text"' }], key: null });
  const announced = new Map<Way, () => void>();
  for (const way of ways) {
    await append(way, 'first');
    await new Promise<void>((resolve) => {
      const onSignal = ({ kind }: { readonly kind: string }) => {
        if (kind === 'connected') resolve();
        if (kind === 'events') announced.get(way)?.();
      };
      way.log.follow('followed', onSignal, new AbortController().signal);
    });
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      await measure('append of one event', way, () => append(way, 'feed'));
      await measure('read of the newest 50 events', way, () => way.log.read('feed', { kind: 'newest' }, 50));
      await measure('append until its announcement', way, async () => {
        const heard = new Promise<void>((resolve) => announced.set(way, resolve));
        await append(way, 'followed');
        await heard;
      });
    }
  }
  for (let round = 0; round < 10; round += 1) {
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      const all = () => Promise.all(Array.from({ length: burst }, () => append(way, 'burst')));
      await measure(`${burst} appends at the same time`, way, all);
    }
  }
  for (const [what, ofWay] of taken)
    for (const [way, all] of ofWay) addCell(what, way, `${median(all).toFixed(1)} ms`);
}

/** How many open connections a process has to a port of 127.0.0.1, by the tables of Linux. */
function connectionsOf(pid: number, port: number): number {
  const own = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        // Closed since the folder was read.
        return [];
      }
    }),
  );
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1);
  return lines.filter((line) => {
    const [, , peer = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    return peer.endsWith(remote) && state === '01' && own.has(inode);
  }).length;
}

async function measureServer(way: Way, data: string): Promise<void> {
  const contestant = steadfeed(root, data);
  await using server = await contestant.start(way.env);
  const { publishHeaders } = contestant.target(server);
  const url = `http://127.0.0.1:${server.port}`;
  const publish = async (count: number, channel = 'feed') => {
    const body = JSON.stringify(Array.from({ length: count }, () => ({ channel, data: 'text' })));
    const headers = { ...publishHeaders, 'content-type': 'application/json' };
    const { status } = await fetch(`${url}/api/events`, { method: 'POST', headers, body });
    if (status !== 201) throw new Error(`status ${status} to a publish request`);
  };
  const left = new AbortController();
  const join = async (names: readonly string[]) => {
    const query = names.map((name) => `channel=${name}`).join('&');
    const { body } = await fetch(`${url}/api/stream?${query}`, { signal: left.signal });
    const frames = body?.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    for (let text = ''; !text.includes('event: hello'); ) text += (await frames?.next())?.value ?? '';
    // Until the tail has verified once that it has missed nothing.
    await sleep(2_500);
  };
  const cost = async (work: () => Promise<unknown>) => {
    await way.commands();
    await work();
    return way.commands();
  };
  for (const name of ['feed', ...channels]) await publish(1, name);
  await sleep(12_000);
  addCell('connections, idle, without readers', way, String(connectionsOf(server.pid, way.port)));
  await publish(1);
  const times = 50;
  const repeat = async (count: number) => {
    for (let done = 0; done < times; done += 1) await publish(count);
  };
  addCell('commands of a publish request of 1 event', way, String((await cost(() => repeat(1))) / times));
  addCell(
    'commands of a publish request of 100 events',
    way,
    String((await cost(() => repeat(100))) / times),
  );
  addCell('commands of the first reader of a channel', way, String(await cost(() => join(['feed']))));
  addCell('commands of the next reader', way, String(await cost(() => join(['feed']))));
  addCell('commands of the first reader of 20 channels more', way, String(await cost(() => join(channels))));
  await sleep(restMs);
  addCell('connections, idle, with readers of 21 channels', way, String(connectionsOf(server.pid, way.port)));
  const idle = await cost(() => sleep(watchMs));
  addCell('commands of an idle hour', way, ((idle * 3_600_000) / watchMs).toFixed(0));
  left.abort();
}

using folder = makeTemporaryFolder();
const ways = [await startWay('REST'), await startWay('TCP')];
await measureLatencies(ways);
for (const { log } of ways) log.close();
await Promise.all(ways.map((way) => measureServer(way, folder.path)));
for (const [what, cells] of rows) console.log(`| ${what} | ${cells.get('REST')} | ${cells.get('TCP')} |`);
for (const way of ways) await way.close();
