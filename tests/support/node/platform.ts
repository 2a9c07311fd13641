import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { listenOnFreePort } from '../listen-on-free-port.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import type { Artifact } from './deployed-artifact.ts';
import { assembleFunction, type DeployedFunction } from './deployed-function.ts';
import { startInstance } from './deployed-instance.ts';
import { createInstancePool, type InstancePool } from './instance-pool.ts';
import { askMiddleware, type Passed } from './platform-middleware.ts';
import { middlewareOf, type Routed, routeRequest } from './platform-routes.ts';
import { type RunEnding, runRequest } from './platform-run.ts';
import { readStaticFiles } from './static-files.ts';

/** A finished request to a function. */
export type Run = { readonly path: string; readonly ending: RunEnding; readonly tookMs: number };

/** The settings of a deployment and of the platform. */
export type PlatformOptions = {
  /** The project's settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Replaces every limit for one request, in seconds; null: the artifact's limits, or the platform's default. */
  readonly limitSeconds?: number | null;
  /** The time from the limit to the cut, in seconds. Default 0. */
  readonly graceSeconds?: number;
  /**
   * When the limit starts to count: at the request, or at the start of its answer. The second one leaves out the time
   * that a busy machine needs before it answers. Default: the request.
   */
  readonly countsFrom?: 'request' | 'answer';
  /** Whether functions get the deadline of a request. Default true. */
  readonly sendsDeadline?: boolean;
  /** Whether the platform cancels functions that declare that they can be cancelled. Default true. */
  readonly cancels?: boolean;
  /** The largest number of requests that an instance has at a time. Default 100. */
  readonly requestsPerInstance?: number;
  readonly random?: () => number;
};

/** A running platform that serves an artifact. It ends with its scope (`await using`). */
export type Platform = AsyncDisposable & {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** All finished requests to functions, in the order of their ends. */
  readonly runs: readonly Run[];
  /** The instances of a route's function. */
  pool(route: string): InstancePool;
};

/** The platform's limit for a function without its own. */
const defaultLimitSeconds = 300;

/** Serves an artifact. No instance runs before the first request to its function. */
export async function startPlatform(artifact: Artifact, options: PlatformOptions = {}): Promise<Platform> {
  const { env = {}, limitSeconds = null, sendsDeadline = true, cancels = true } = options;
  const { requestsPerInstance = 100, random = Math.random } = options;
  const { graceSeconds = 0, countsFrom = 'request' } = options;
  const { config, functions } = artifact;
  const folder = makeTemporaryFolder();
  const files = readStaticFiles(artifact.staticPath, config);
  const runs: Run[] = [];
  const pools = new Map(functions.map((deployed, index) => [deployed, createPool(deployed, String(index))]));

  function createPool(deployed: DeployedFunction, name: string): InstancePool {
    const path = join(folder.path, 'functions', name);
    let instances = 0;
    const start = () => {
      if (instances === 0) assembleFunction(deployed, artifact.filesPath, path);
      instances += 1;
      return startInstance(path, deployed, env, join(folder.path, 'temporary', `${name}-${instances}`));
    };
    return createInstancePool({ start, requestsPerInstance, random });
  }

  function functionAt(path: string): DeployedFunction | undefined {
    const route = path === '/' ? 'index' : path.slice(1);
    return functions.find(({ routes }) => routes.includes(route));
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const exists = (path: string) => files.has(path) || functionAt(path) !== undefined;
    const passed = await passMiddleware(request, middlewareOf(config, { url, headers: request.headers }));
    Object.assign(request.headers, passed.request);
    const found = routeRequest(config, { url, headers: request.headers }, exists);
    const routed = { ...found, important: { ...found.important, ...passed.answer } };
    const path = routed.path ?? '';
    const file = files.get(path);
    const deployed = functionAt(path);
    if (file !== undefined)
      file.send(response, routed.status ?? 200, { ...routed.headers, ...routed.important });
    else if (deployed !== undefined) await run(deployed, routed, request, response);
    else response.writeHead(routed.status ?? 404, routed.headers).end();
  }

  async function passMiddleware(request: IncomingMessage, path: string | null): Promise<Passed> {
    if (path === null) return { request: {}, answer: {} };
    const pool = poolOf(functionAt(path));
    const member = await pool.take();
    try {
      return await askMiddleware(await member.instance.ready, request);
    } finally {
      pool.release(member);
    }
  }

  async function run(
    deployed: DeployedFunction,
    routed: Routed,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const pool = poolOf(deployed);
    const member = await pool.take();
    const startedAt = performance.now();
    const ending = await runRequest(request, response, {
      port: await member.instance.ready,
      // The cold start does not count. With compressed limits it would count too much, because it takes its real time.
      limitMs: (limitSeconds ?? deployed.maxDurationSeconds ?? defaultLimitSeconds) * 1_000,
      graceMs: graceSeconds * 1_000,
      countsFrom,
      sendsDeadline,
      isCancellable: cancels && deployed.isCancellable,
      headers: { ...routed.important, ...forwarded(request) },
      routed,
    });
    pool.release(member);
    runs.push({
      path: request.url?.split('?')[0] ?? '',
      ending,
      tookMs: performance.now() - startedAt,
    });
  }

  function poolOf(deployed: DeployedFunction | undefined): InstancePool {
    const pool = deployed && pools.get(deployed);
    if (pool === undefined) throw new Error('the artifact has no such function');
    return pool;
  }

  const server = createServer((request, response) => {
    // If a process does not start, the test fails at the end of the platform.
    answer(request, response).catch(() => response.writeHead(500).end());
  });
  const port = await listenOnFreePort(server);
  return {
    url: `http://127.0.0.1:${port}`,
    runs,
    pool: (route) => poolOf(functionAt(`/${route}`)),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await Promise.all([...pools.values()].map((pool) => pool.end()));
      await closed;
      folder[Symbol.dispose]();
    },
  };
}

/** The headers that the platform sets from the reader's connection. They replace those of the reader. */
function forwarded({ headers, socket }: IncomingMessage): Record<string, string> {
  const address = socket.remoteAddress ?? '';
  return {
    'x-forwarded-for': address,
    'x-forwarded-host': headers.host ?? '',
    'x-forwarded-proto': 'http',
    'x-real-ip': address,
  };
}
