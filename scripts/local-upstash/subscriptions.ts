import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Counter } from './commands.ts';
import { drawWayMs, type Faults } from './faults.ts';

/** The open subscriptions of the endpoint. */
export type Subscriptions = {
  /** Subscribes and answers with the stream of what is published; each has a connection of its own. */
  open(response: ServerResponse, isPattern: boolean, names: readonly string[]): void;
  /** Closes the sockets of all that are open. */
  cut(): void;
  /** Sends what was held back, in order. */
  release(): void;
};

/** @param redis whose server is subscribed to. */
export function createSubscriptions(redis: Redis, faults: Faults, counter: Counter): Subscriptions {
  const open = new Set<ServerResponse>();
  const held: (() => void)[] = [];

  const onTheWay = new WeakMap<ServerResponse, Promise<void>>();

  const write = (response: ServerResponse, line: string) => {
    if (!faults.isSilent && !response.destroyed) response.write(`data: ${line}\n\n`);
  };
  /** Writes once the way is through, and after all that was sent before. */
  const deliver = (response: ServerResponse, line: string) => {
    if (faults.wayMs === null) return write(response, line);
    const dueAt = performance.now() + drawWayMs(faults);
    const before = onTheWay.get(response) ?? Promise.resolve();
    const arrival = before.then(async () => {
      const leftMs = dueAt - performance.now();
      if (leftMs > 0) await sleep(leftMs);
      write(response, line);
    });
    onTheWay.set(response, arrival);
  };
  const announce = (response: ServerResponse, line: string) => {
    counter.announcement();
    if (faults.random() < faults.loseAnnouncementShare) return;
    const times = faults.random() < faults.repeatAnnouncementShare ? 2 : 1;
    const send = () => {
      for (let sent = 0; sent < times; sent += 1) deliver(response, line);
    };
    if (faults.isHoldingAnnouncements) held.push(send);
    else if (faults.announcementJitterMs > 0)
      setTimeout(send, faults.announcementJitterMs * faults.random()).unref();
    else send();
  };

  return {
    open(response, isPattern, names) {
      // One that loses its server must not renew itself in silence: what was published meanwhile would be missing.
      const connection = redis.duplicate({ retryStrategy: () => null, lazyConnect: true });
      connection.on('error', () => response.destroy());
      connection.on('end', () => response.destroy());
      connection.on('message', (channel, text) => announce(response, `message,${channel},${text}`));
      connection.on('pmessage', (pattern, channel, text) =>
        announce(response, `pmessage,${pattern},${channel},${text}`),
      );
      open.add(response);
      counter.subscription(1);
      response.on('close', () => {
        open.delete(response);
        counter.subscription(-1);
        connection.disconnect();
      });
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      response.flushHeaders();
      const word = isPattern ? 'psubscribe' : 'subscribe';
      const acknowledge = async () => {
        for (const name of names) {
          const count = await connection[word](name);
          deliver(response, `${word},${name},${count}`);
        }
      };
      acknowledge().catch(() => response.destroy());
    },
    cut() {
      for (const response of open) response.destroy();
    },
    release() {
      for (const send of held.splice(0)) send();
    },
  };
}
