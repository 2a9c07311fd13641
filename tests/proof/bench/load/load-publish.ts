import { once } from 'node:events';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { parseRedisUrl } from '../../../../lib/core/redis-address.ts';
import { createRedisLog } from '../../../../lib/log/redis/redis-log.ts';
import { post } from './load-http.ts';
import type { Inlet, Target } from './load-orders.ts';

/* How the load client publishes. */

/** Publishes one batch: the data of each of its events. It resolves when the server, or Redis, has taken it. */
type Publish = (batch: readonly string[]) => Promise<void>;

/** One for each inlet, so that its connection stays open. */
const opened = new Map<string, Promise<Publish>>();

/** Publishes a batch to a server. */
export async function publishBatch(target: Target, batch: readonly string[]): Promise<void> {
  const { inlet } = target;
  if (inlet === undefined) return post(target, JSON.stringify(batch.map((data) => ({ data }))));
  const key = JSON.stringify(inlet);
  const opening = opened.get(key) ?? openInlet(inlet);
  opened.set(key, opening);
  await (await opening)(batch);
}

async function openInlet(inlet: Inlet): Promise<Publish> {
  if (inlet.kind === 'line') {
    const socket = connect({ port: inlet.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return async (batch) => void socket.write(batch.map((data) => `${data}\n`).join(''));
  }
  const { port, topic } = inlet;
  if (topic === null) {
    const address = parseRedisUrl(`redis://127.0.0.1:${port}`);
    if (address === null) throw new Error('not a URL of Redis');
    const log = createRedisLog({ address, retention: 10_000 });
    const toEvent = (data: string) => ({ channel: 'feed', type: 'message', data: JSON.stringify(data) });
    return async (batch) => {
      await log.append({ events: batch.map(toEvent), key: null });
    };
  }
  const redis = new Redis({ host: '127.0.0.1', port });
  return async (batch) => {
    await redis.publish(topic, JSON.stringify(batch.map((data) => ({ data }))));
  };
}
