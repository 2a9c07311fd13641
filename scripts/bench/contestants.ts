import { join } from 'node:path';
import { type BenchServer, startServer } from './bench-server.ts';
import type { Target } from './load-orders.ts';

/** Something that serves a live feed, measured beside the others. */
export type Contestant = {
  readonly name: string;
  start(): Promise<BenchServer>;
  target(server: BenchServer): Target;
};

export type BenchFolders = {
  /** The project's own, with its production build. */
  readonly root: string;
  /** The build of `servers/plain-next`. */
  readonly plainNext: string;
  /** Where the peers' packages are. */
  readonly peers: string;
  /** For logs, emptied by whoever made it. */
  readonly data: string;
};

const servers = new URL('servers/', import.meta.url).pathname;

export type ContestantKey = 'steadfeed' | 'bareNode' | 'betterSse' | 'plainNext';

/** All of them. */
export function contestants(folders: BenchFolders): Readonly<Record<ContestantKey, Contestant>> {
  const { root, plainNext, peers, data } = folders;
  const next = join(root, 'node_modules/next/dist/bin/next');
  const start = [next, 'start', '-p', '0', '-H', '127.0.0.1'];
  let logs = 0;
  const plain = (name: string, args: readonly string[], cwd: string, path = '/'): Contestant => ({
    name,
    start: () => startServer(args, cwd),
    target: ({ port }) => ({ port, streamPath: path, publishPath: path, publishHeaders: {} }),
  });
  return {
    steadfeed: {
      name: 'Steadfeed',
      start: () => startServer(start, root, { ...own, FEED_DB: join(data, `${++logs}.db`) }),
      target: ({ port }) => ({
        port,
        streamPath: '/api/stream',
        publishPath: '/api/events',
        publishHeaders: { authorization: `Bearer ${own.PUBLISH_TOKEN}` },
      }),
    },
    bareNode: plain('bare `node:http`', [join(servers, 'bare-node.ts')], root),
    betterSse: plain('better-sse', [join(servers, 'better-sse.ts'), peers], root),
    plainNext: plain('plain Next route', start, plainNext, '/api/stream'),
  };
}

/** Settings of this feed; what a file `.env` says is not taken. */
const own = {
  PUBLISH_TOKEN: 'a-token-for-the-bench',
  STREAM_MAX_CONNECTIONS: '2000',
  UPSTASH_REDIS_REST_URL: '',
  UPSTASH_REDIS_REST_TOKEN: '',
  KV_REST_API_URL: '',
  KV_REST_API_TOKEN: '',
  READ_TOKEN_SECRET: '',
  PUBLISH_RATE: '',
  STREAM_MAX_SECONDS: '',
  HEARTBEAT_SECONDS: '',
  POLL_MODE: '',
  VERCEL: '',
} as const;
