import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { findFreePort } from '../free-port.ts';
import { startLocalUpstash } from '../local-upstash/local-upstash.ts';
import { startRedisServer } from '../local-upstash/redis-server.ts';
import { sendBatch } from '../push/push-events.ts';
import { makePushEvent, type PushEvent } from '../push/push-input.ts';
import { readEndpoint } from '../push/push-options.ts';
import { type DemoApp, demoRetention, startDemoApp } from './demo-app.ts';
import { createDemoControl } from './faults.ts';
import { startFront } from './front.ts';
import { createDemoSender } from './machine.ts';

type SiteOptions = {
  readonly root: string;
  /** The port that the browser uses. */
  readonly port: number;
  /** Whether other machines can reach it. */
  readonly isOnNetwork: boolean;
  /** The app's path at its origin, such as `/app`; empty: none. */
  readonly path: string;
  readonly isOnRedis: boolean;
  /** The app accepts events with this token only. */
  readonly token: string;
  /** Aborts when the demo ends. */
  readonly interrupt: AbortSignal;
  readonly say: (text: string) => void;
};

/** The app of the demo behind a proxy that can misbehave, and its log. */
export type DemoSite = {
  /** Resolves if the app ends by itself, with the last output it printed. */
  readonly crashed: Promise<string>;
  /** Sends events to the app until `signal` aborts. */
  sender(signal: AbortSignal): ReturnType<typeof createDemoSender>;
  /** The processes of the demo that run now: their names and numbers. */
  processes(): ReadonlyMap<string, number>;
  stop(): Promise<void>;
};

const channel = 'feed';
const batchEvents = 500;

/** @throws FeedError `internal-error` when the app does not start; Error when `redis-server` does not. */
export async function startDemoSite(options: SiteOptions): Promise<DemoSite> {
  const { root, port, isOnNetwork, path, isOnRedis, token, interrupt, say } = options;
  const redis = isOnRedis ? await startRedis() : null;
  const log = redis?.settings ?? { FEED_DB: '.data/demo.db' };
  const crash = Promise.withResolvers<string>();
  const host = isOnNetwork ? '0.0.0.0' : '127.0.0.1';
  const front = await startFront(port, host, (request, response) => control(request, response));
  let app: DemoApp | null = null;

  /** Starts a process of the app and gives it the requests. The process before it ends then. */
  async function start(): Promise<void> {
    const appPort = await findFreePort(0, '127.0.0.1');
    const next = await startDemoApp(root, appPort, path, token, log);
    const before = app;
    app = next;
    void next.ended.then((printed) => {
      if (app === next) crash.resolve(printed);
    });
    front.pointTo(appPort);
    await before?.stop();
  }

  const endpoint = readEndpoint(`http://127.0.0.1:${front.port}${path}`);
  const sender = (signal: AbortSignal) =>
    createDemoSender(endpoint, token, signal, (reason) => say(`${reason} Retrying.`));

  async function burst(count: number): Promise<number> {
    const key = randomBytes(9).toString('base64url');
    for (let first = 1; first <= count; first += batchEvents) {
      const numbers = Array.from(
        { length: Math.min(batchEvents, count - first + 1) },
        (_, index) => first + index,
      );
      const events = numbers.map((number) =>
        makePushEvent({ channel, type: 'burst', data: { number, of: count } }, null, 'burst'),
      ) as [PushEvent, ...PushEvent[]];
      const sent = await sendBatch(events, `${key}-${first}`, sender(interrupt));
      if (sent.kind === 'failed') throw new Error(sent.reason);
    }
    return count;
  }

  const known = new Map<string, string>();
  /** Asks the log. While the server does not answer, the newest event that is known. */
  async function newestId(of: string): Promise<string | null> {
    try {
      const answer = await fetch(`${endpoint}?channel=${encodeURIComponent(of)}&rewind=1`, {
        signal: AbortSignal.timeout(800),
      });
      const page = (await answer.json()) as { readonly events?: readonly { readonly id: string }[] };
      const id = page.events?.at(-1)?.id;
      if (id !== undefined) known.set(of, id);
    } catch {
      // Restarting, frozen, or without its log.
    }
    return known.get(of) ?? null;
  }

  const canFreeze = process.platform !== 'win32';
  const control = createDemoControl({
    front,
    freeze: canFreeze ? (isFrozen) => app?.freeze(isFrozen) : null,
    restart: start,
    burst,
    newestId,
    retention: demoRetention,
    upstash: redis?.upstash ?? null,
  });

  function processes(): ReadonlyMap<string, number> {
    // The front runs in this process.
    const running = new Map([['proxy', process.pid]]);
    if (app !== null) running.set('app', app.pid);
    if (redis !== null) running.set('redis', redis.pid);
    return running;
  }

  async function stop(): Promise<void> {
    const last = app;
    app = null;
    await front.close();
    await last?.stop();
    await redis?.stop();
  }

  try {
    await start();
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { crashed: crash.promise, sender, processes, stop };
}

async function startRedis() {
  const server = await startRedisServer({ dir: join('.data', 'demo-redis') });
  const upstash = await startLocalUpstash({ redisPort: server.port, token: randomBytes(12).toString('hex') });
  return {
    upstash,
    pid: server.pid,
    settings: { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token },
    stop: async () => {
      await upstash.close();
      await server.stop();
    },
  };
}
