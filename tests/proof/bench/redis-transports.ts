import { parseRedisUrl } from '../../../lib/core/redis-address.ts';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { createRedisLog } from '../../../lib/log/redis/redis-log.ts';
import { startLocalUpstash } from '../../../scripts/local-upstash/local-upstash.ts';
import { startRedisServer } from '../../../scripts/local-upstash/redis-server.ts';
import { median } from './figures.ts';

/*
 * Compares the two ways to one Redis on this machine: node tests/proof/bench/redis-transports.ts
 * The endpoint of the REST API runs in this process too, so its own work is part of the REST figures. The rounds of the two
 * ways alternate, so that what else the machine does weighs on both. Prints a table of medians in ms.
 */

const rounds = 300;
const burst = 100;
const timeoutMs = 60_000;

const server = await startRedisServer();
const upstash = await startLocalUpstash({ redisPort: server.port, token: 't' });
const address = parseRedisUrl(server.url);
if (address === null) throw new Error('not a URL of Redis');
const options = { retention: 10_000, timeoutMs };
const ways: Readonly<Record<string, EventLog>> = {
  REST: createRedisLog({ ...options, url: upstash.url, token: 't' }),
  TCP: createRedisLog({ ...options, address }),
};
const taken = new Map<string, Map<string, number[]>>();

async function measure(what: string, way: string, work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  await work();
  const ofWay = taken.get(what) ?? new Map<string, number[]>();
  ofWay.set(way, [...(ofWay.get(way) ?? []), performance.now() - begun]);
  taken.set(what, ofWay);
}

const append = (log: EventLog, channel: string) =>
  log.append({ events: [{ channel, type: 'message', data: '"text"' }], key: null });

const announced = new Map<string, () => void>();
for (const [way, log] of Object.entries(ways)) {
  await append(log, 'first');
  await new Promise<void>((resolve) => {
    const onSignal = ({ kind }: { readonly kind: string }) => {
      if (kind === 'connected') resolve();
      if (kind === 'events') announced.get(way)?.();
    };
    log.follow(way, onSignal, new AbortController().signal);
  });
}
for (let round = 0; round < rounds; round += 1) {
  for (const [way, log] of Object.entries(ways)) {
    await measure('append of one event', way, () => append(log, 'feed'));
    await measure('read of the newest 50', way, () => log.read('feed', { kind: 'newest' }, 50));
    await measure('append until its announcement', way, async () => {
      const heard = new Promise<void>((resolve) => announced.set(way, resolve));
      await append(log, way);
      await heard;
    });
  }
}
for (let round = 0; round < 10; round += 1) {
  for (const [way, log] of Object.entries(ways)) {
    const all = () => Promise.all(Array.from({ length: burst }, () => append(log, 'burst')));
    await measure(`${burst} appends at the same time`, way, all);
  }
}
for (const [what, ofWay] of taken) {
  const cells = [...ofWay].map(([way, all]) => `${way} ${median(all).toFixed(2)}`);
  console.log(`${what}: ${cells.join(', ')}`);
}
for (const log of Object.values(ways)) log.close();
await upstash.close();
await server.stop();
