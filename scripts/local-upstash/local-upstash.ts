import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  type Counts,
  createCounter,
  createReplicas,
  execute,
  executeEach,
  executeTogether,
} from './commands.ts';
import { drawCallFault, drawDelayMs, drawWayMs, type Faults, noFaults } from './faults.ts';
import { encodingOf, isAuthorized, type ParsedRequest, parseRequest, Refusal, sendJson } from './request.ts';
import { createSubscriptions } from './subscriptions.ts';

type LocalUpstashOptions = {
  /** The port of the Redis server on this machine. */
  readonly redisPort: number;
  /** The token that every request must carry. */
  readonly token: string;
  /** The port to listen on. Default: any free port. */
  readonly port?: number;
};

export type LocalUpstash = {
  /** `http://127.0.0.1:<port>`, for `UPSTASH_REDIS_REST_URL`. */
  readonly url: string;
  readonly token: string;
  /** How the endpoint misbehaves. At first it does not. */
  readonly faults: Faults;
  readonly counts: Counts;
  /** Sets all counts to 0, except that of open subscriptions. */
  resetCounts(): void;
  /** Closes the sockets of all open subscriptions. */
  cutSubscriptions(): void;
  /** Sends the announcements that `faults.isHoldingAnnouncements` held back. */
  releaseAnnouncements(): void;
  close(): Promise<void>;
};

/**
 * Serves the REST API of Upstash in front of a Redis server, for development and tests without an account: commands as
 * JSON or as a path, /pipeline, /multi-exec, /subscribe and /psubscribe. It listens on 127.0.0.1 only. It answers as
 * Upstash's documentation says. Tests can make it misbehave with `faults`.
 * @throws Error with code `EADDRINUSE` when the port is taken.
 */
export async function startLocalUpstash(options: LocalUpstashOptions): Promise<LocalUpstash> {
  const { redisPort, token, port = 0 } = options;
  const faults = noFaults();
  const counter = createCounter();
  const redis = new Redis({
    host: '127.0.0.1',
    port: redisPort,
    // Upstash replies as RESP2 does.
    protocol: 2,
    lazyConnect: true,
    // A call fails at once while the server is away, and works again when it is back.
    maxRetriesPerRequest: 0,
    retryStrategy: () => 100,
  });
  // Each command reports its own error. Without a listener, ioredis would print the errors as well.
  redis.on('error', () => undefined);
  const replicas = createReplicas(redis);
  const subscriptions = createSubscriptions(redis, faults, counter);

  const answer = async (parsed: ParsedRequest, request: IncomingMessage, response: ServerResponse) => {
    const encoding = encodingOf(request);
    switch (parsed.kind) {
      case 'subscription':
        counter.command(parsed.isPattern ? 'psubscribe' : 'subscribe');
        if (faults.refuseSubscriptions === null)
          return subscriptions.open(response, parsed.isPattern, parsed.names);
        return sendJson(response, faults.refuseSubscriptions, {
          error: faults.errorText ?? 'ERR subscription refused',
        });
      case 'command': {
        counter.command(parsed.command[0] ?? '');
        const reply = await executeUnlessFaulty(response, () =>
          execute(replicas.for(parsed.command, faults.replicaPort), parsed.command, encoding),
        );
        return reply && sendJson(response, 'error' in reply ? 400 : 200, reply);
      }
      case 'commands': {
        for (const [name = ''] of parsed.commands) counter.command(name);
        const run = parsed.isAtomic ? executeTogether : executeEach;
        const replies = await executeUnlessFaulty(response, () => run(redis, parsed.commands, encoding));
        return replies && sendJson(response, 'error' in replies ? 400 : 200, replies);
      }
    }
  };

  /** Runs `run` unless a fault prevents it. @returns undefined if a fault has answered, or closed the socket. */
  const executeUnlessFaulty = async <T>(
    response: ServerResponse,
    run: () => Promise<T>,
  ): Promise<T | undefined> => {
    const fault = drawCallFault(faults);
    if (fault === 'drop') response.destroy();
    else if (fault === 'fail') sendJson(response, 500, { error: 'ERR internal error' });
    else if (faults.errorText !== null) sendJson(response, 400, { error: faults.errorText });
    else {
      const outcome = await run();
      const backMs = drawWayMs(faults);
      if (backMs > 0) await sleep(backMs);
      if (fault === null) return outcome;
      response.destroy();
    }
    return undefined;
  };

  const server = createServer(async (request, response) => {
    counter.request();
    try {
      const url = new URL(request.url ?? '/', 'http://127.0.0.1');
      if (!isAuthorized(request, url, token))
        throw new Refusal(401, 'WRONGPASS invalid or missing auth token');
      const parsed = await parseRequest(request, url);
      const delayMs = drawDelayMs(faults) + drawWayMs(faults);
      if (delayMs > 0) await sleep(delayMs);
      await answer(parsed, request, response);
    } catch (error) {
      if (error instanceof Refusal) sendJson(response, error.status, { error: error.message });
      // The caller closed the connection while its request was read.
      else response.destroy();
    }
  });

  // With Node's 5 s, a client that was busy for a second writes to a connection that has just been closed.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    faults,
    counts: counter.counts,
    resetCounts: counter.reset,
    cutSubscriptions: subscriptions.cut,
    releaseAnnouncements: subscriptions.release,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      subscriptions.cut();
      server.closeAllConnections();
      redis.disconnect();
      replicas.close();
      await closed;
    },
  };
}
