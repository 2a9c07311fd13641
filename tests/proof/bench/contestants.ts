import { join } from 'node:path';
import { unsetSettings } from '../../../scripts/build-app.ts';
import { type BenchServer, startServer } from './bench-server.ts';
import { type BuiltFunction, buildFunctionOf, buildOwnFunction } from './deployed-instance.ts';
import type { Target } from './load/load-orders.ts';
import type { Collected } from './servers/otlp-collector.ts';
import { startWorker } from './worker.ts';

/** All contestants, with their names in reports. */
export const contestantNames = {
  steadfeed: 'Steadfeed',
  steadfeedRedis: 'Steadfeed on Redis',
  steadfeedTcp: 'Steadfeed on Redis over TCP',
  steadfeedUncounted: 'Steadfeed without its counters',
  steadfeedMetrics: 'Steadfeed with metrics',
  steadfeedTraced: 'Steadfeed with metrics and spans',
  bareNode: 'bare `node:http`',
  betterSse: 'better-sse',
  plainNext: 'plain Next route',
  trpc: 'tRPC subscription 11',
  upstashRealtime: '@upstash/realtime 1.1',
  polling: 'polls every second',
} as const;

export type ContestantKey = keyof typeof contestantNames;

/** Whether it is this feed as it is. Most goals are for it only. */
export function isOurs(key: ContestantKey): boolean {
  return key === 'steadfeed' || key === 'steadfeedRedis' || key === 'steadfeedTcp';
}

/** Whether it needs a package or a build of another project. */
export function isPeer(key: ContestantKey): boolean {
  return key === 'betterSse' || key === 'plainNext' || key === 'upstashRealtime';
}

/** A server of a live feed that the benchmark measures. */
export type Contestant = {
  /** Whether it needs Redis. */
  readonly isOnRedis?: true;
  /** Whether it is this feed, whose log brings it the events of other processes. */
  readonly hasLog?: true;
  /** @param env more environment variables, for example the address of a Redis. */
  start(env?: Readonly<Record<string, string>>): Promise<BenchServer>;
  target(server: Pick<BenchServer, 'port'>): Target;
  /** Builds the function of its streams as the platform does, into an empty folder. */
  buildFunction?(folder: string): Promise<BuiltFunction>;
};

export type BenchFolders = {
  /** This project, with its production build. */
  readonly root: string;
  /** The builds of `servers/plain-next`, `servers/trpc-next` and `servers/upstash-realtime`. */
  readonly plainNext: string;
  readonly trpcNext: string;
  readonly upstashRealtime: string;
  /** The folder of the peers' packages. */
  readonly peers: string;
  /** A folder for embedded logs. Whoever created it deletes it. */
  readonly data: string;
};

const servers = new URL('servers/', import.meta.url).pathname;

const publishToken = 'a-token-for-the-bench';

/** All of them. */
export function contestants(folders: BenchFolders): Readonly<Record<ContestantKey, Contestant>> {
  const { root, plainNext, trpcNext, upstashRealtime, peers, data } = folders;
  const ours = steadfeed(root, data);
  const other = (args: readonly string[], cwd: string, path = '/'): Contestant => ({
    start: (env = {}) => startServer(args, cwd, env),
    target: ({ port }) => ({
      port,
      streamPath: path,
      openMark: ': hello',
      publishPath: path,
      publishHeaders: {},
    }),
  });
  const trpc = other(nextStart(peers), trpcNext, '/api/trpc/feed');
  const realtime = other(nextStart(peers), upstashRealtime, '/api/realtime');
  return {
    steadfeed: ours,
    steadfeedRedis: { ...ours, isOnRedis: true, buildFunction: buildOwnFunction },
    steadfeedTcp: { ...ours, isOnRedis: true },
    steadfeedUncounted: {
      ...ours,
      start: (env = {}) =>
        ours.start({ ...env, NODE_OPTIONS: `--import ${join(servers, 'without-counters.ts')}` }),
    },
    steadfeedMetrics: withCollector(ours, { OTEL_TRACES_SAMPLER_ARG: '0' }),
    steadfeedTraced: withCollector(ours, {}),
    bareNode: other([join(servers, 'bare-node.ts')], root),
    betterSse: other([join(servers, 'better-sse.ts'), peers], root),
    plainNext: {
      ...other(nextStart(peers), plainNext, '/api/stream'),
      buildFunction: (folder) => buildFunctionOf(plainNext, join(peers, 'plain-next-function'), folder),
    },
    trpc: {
      ...trpc,
      target: (server) => ({ ...trpc.target(server), publishPath: '/api/trpc/publish' }),
    },
    upstashRealtime: {
      isOnRedis: true,
      start: realtime.start,
      target: (server) => ({
        ...realtime.target(server),
        openMark: '"type":"connected"',
        resume: {
          idMark: '"id":"',
          idEnd: '"',
          handoverMark: '"type":"reconnect"',
          query: 'last_ack_<channel>',
        },
      }),
    },
    polling: {
      isOnRedis: true,
      start: ours.start,
      target: (server) => ({ ...ours.target(server), streamPath: '/api/events', pollEveryMs: 1_000 }),
    },
  };
}

/** This feed: the production build in `root`, with an embedded log in `data` or with the Redis of `env`. */
export function steadfeed(root: string, data: string): Contestant {
  const own = { ...unsetSettings, PUBLISH_TOKEN: publishToken, STREAM_MAX_CONNECTIONS: '2000' };
  let logs = 0;
  return {
    hasLog: true,
    start: (env = {}) =>
      startServer(nextStart(root), root, { ...own, FEED_DB: join(data, `${++logs}.db`), ...env }),
    target: ({ port }) => ({
      port,
      streamPath: '/api/stream',
      openMark: 'event: hello',
      publishPath: '/api/events',
      publishHeaders: { authorization: `Bearer ${publishToken}` },
      resume: { idMark: '\nid: ', idEnd: '\n', handoverMark: 'event: handover', query: 'after' },
    }),
  };
}

/** The same with a collector of OpenTelemetry beside it. */
function withCollector(ours: Contestant, own: Readonly<Record<string, string>>): Contestant {
  return {
    ...ours,
    async start(env = {}) {
      const collector = startWorker<{ readonly kind: 'count' }, Collected>(
        'servers/otlp-collector.ts',
        'the collector',
      );
      const { url } = await collector.tell({ kind: 'count' });
      const server = await ours.start({ OTEL_EXPORTER_OTLP_ENDPOINT: url, ...own, ...env });
      return {
        ...server,
        async [Symbol.asyncDispose]() {
          collector[Symbol.dispose]();
          await server[Symbol.asyncDispose]();
        },
      };
    },
  };
}

/** @param folder the folder whose `node_modules` holds Next. */
function nextStart(folder: string): readonly string[] {
  return [join(folder, 'node_modules/next/dist/bin/next'), 'start', '-p', '0', '-H', '127.0.0.1'];
}
