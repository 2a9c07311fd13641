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
import { type Asked, encodingOf, isAuthorized, Refusal, readAsked, sendJson } from './request.ts';
import { createSubscriptions } from './subscriptions.ts';

type LocalUpstashOptions = {
  /** Port of the Redis server, on this machine. */
  readonly redisPort: number;
  /** What requests must carry. */
  readonly token: string;
  /** Port to listen on; any free one when not given. */
  readonly port?: number;
};

export type LocalUpstash = {
  /** `http://127.0.0.1:<port>`, for `UPSTASH_REDIS_REST_URL`. */
  readonly url: string;
  readonly token: string;
  /** How it misbehaves; at first not at all. */
  readonly faults: Faults;
  readonly counts: Counts;
  /** Sets all counts but that of open subscriptions to 0. */
  resetCounts(): void;
  /** Cuts every subscription that is open now. */
  cutSubscriptions(): void;
  /** Sends the announcements that `faults.isHoldingAnnouncements` kept back. */
  releaseAnnouncements(): void;
  close(): Promise<void>;
};

/**
 * The REST dialect of Upstash Redis in front of a Redis server, for development and tests without an account:
 * commands as JSON or as a path, /pipeline, /multi-exec, /subscribe and /psubscribe. It binds to 127.0.0.1 only.
 * Where the real service is documented it answers the same, in status and form; it can be made to misbehave.
 * @throws Error with code `EADDRINUSE` when the port is taken.
 */
export async function startLocalUpstash(options: LocalUpstashOptions): Promise<LocalUpstash> {
  const { redisPort, token, port = 0 } = options;
  const faults = noFaults();
  const counter = createCounter();
  const redis = new Redis({
    host: '127.0.0.1',
    port: redisPort,
    // The service's replies are those of RESP2.
    protocol: 2,
    lazyConnect: true,
    // A server that went away is an error of this call; one that came back serves the next.
    maxRetriesPerRequest: 0,
    retryStrategy: () => 100,
  });
  // Every command tells its own error; without a listener ioredis would print them once more.
  redis.on('error', () => undefined);
  const replicas = createReplicas(redis);
  const subscriptions = createSubscriptions(redis, faults, counter);

  const answer = async (asked: Asked, request: IncomingMessage, response: ServerResponse) => {
    const encoding = encodingOf(request);
    switch (asked.kind) {
      case 'subscription':
        counter.command(asked.isPattern ? 'psubscribe' : 'subscribe');
        if (faults.refuseSubscriptions === null)
          return subscriptions.open(response, asked.isPattern, asked.names);
        return sendJson(response, faults.refuseSubscriptions, { error: 'ERR subscription refused' });
      case 'command': {
        counter.command(asked.command[0] ?? '');
        const reply = await executeUnlessFaulty(response, () =>
          execute(replicas.for(asked.command, faults.replicaPort), asked.command, encoding),
        );
        return reply && sendJson(response, 'error' in reply ? 400 : 200, reply);
      }
      case 'commands': {
        for (const [name = ''] of asked.commands) counter.command(name);
        const run = asked.isAtomic ? executeTogether : executeEach;
        const replies = await executeUnlessFaulty(response, () => run(redis, asked.commands, encoding));
        return replies && sendJson(response, 'error' in replies ? 400 : 200, replies);
      }
    }
  };

  /** Runs `run` unless a fault stands in its way; undefined where the call was answered, or its socket closed. */
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
      const asked = await readAsked(request, url);
      const delayMs = drawDelayMs(faults) + drawWayMs(faults);
      if (delayMs > 0) await sleep(delayMs);
      await answer(asked, request, response);
    } catch (error) {
      if (error instanceof Refusal) sendJson(response, error.status, { error: error.message });
      // The other end went away while its request was read.
      else response.destroy();
    }
  });

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
