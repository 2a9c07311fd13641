import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Counter } from './commands.ts';
import { drawWayMs, type Faults } from './faults.ts';

/** The endpoint's open subscriptions. */
export type Subscriptions = {
  /** Subscribes on a connection of its own, and answers with a stream of the published messages. */
  open(response: ServerResponse, isPattern: boolean, names: readonly string[]): void;
  /** Closes the sockets of all open subscriptions. */
  cut(): void;
  /** Sends the announcements that were held back, in order. */
  release(): void;
};

/** @param redis a connection to the server; each subscription opens another one like it. */
export function createSubscriptions(redis: Redis, faults: Faults, counter: Counter): Subscriptions {
  const open = new Set<ServerResponse>();
  const held: (() => void)[] = [];

  /** The last delivery of each subscription; the next one waits for it. */
  const lastDelivery = new WeakMap<ServerResponse, Promise<void>>();

  const write = (response: ServerResponse, line: string) => {
    if (!faults.isSilent && !response.destroyed) response.write(`data: ${line}\n\n`);
  };
  /** Writes a line after the delay of `wayMs`, and after every line that was sent before. */
  const deliver = (response: ServerResponse, line: string) => {
    if (faults.wayMs === null) return write(response, line);
    const dueAt = performance.now() + drawWayMs(faults);
    const before = lastDelivery.get(response) ?? Promise.resolve();
    const arrival = before.then(async () => {
      const leftMs = dueAt - performance.now();
      if (leftMs > 0) await sleep(leftMs);
      write(response, line);
    });
    lastDelivery.set(response, arrival);
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
      // No reconnect: messages published before it would be missing, and the subscriber would not know.
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
