import { Redis } from 'ioredis';
import { median } from './figures.ts';
import type { RedisStand } from './redis-stand.ts';

/** The delay between a server and Redis: medians, in ms. */
export type RedisWay = { readonly roundTripMs: number; readonly announcementMs: number };

/**
 * Measures with separate clients: a round trip, by an EVAL through the REST endpoint that adds to a stream; and an
 * announcement, from a PUBLISH straight to Redis until a subscription to the endpoint receives it.
 */
export async function measureWay({ address, redisPort }: RedisStand, times: number): Promise<RedisWay> {
  const headers = { authorization: `Bearer ${address.token}` };
  const command = ['EVAL', "return redis.call('XADD', KEYS[1], '*', 'data', ARGV[1])", 1, 'way', 'x'];
  const roundTrips: number[] = [];
  for (let done = -1; done < times; done += 1) {
    const begun = performance.now();
    await (
      await fetch(address.url, { method: 'POST', headers, body: JSON.stringify(command) })
    ).arrayBuffer();
    // The first one opens the connection.
    if (done >= 0) roundTrips.push(performance.now() - begun);
  }
  return {
    roundTripMs: median(roundTrips),
    announcementMs: await measureAnnouncement(address.url, headers, redisPort, times),
  };
}

async function measureAnnouncement(
  url: string,
  headers: Readonly<Record<string, string>>,
  redisPort: number,
  times: number,
): Promise<number> {
  const over = new AbortController();
  const { body } = await fetch(`${url}/subscribe/way`, {
    headers: { ...headers, accept: 'text/event-stream' },
    signal: over.signal,
  });
  const reader = body?.getReader();
  const redis = new Redis({ host: '127.0.0.1', port: redisPort });
  try {
    // The acknowledgement of the subscription.
    await reader?.read();
    const taken: number[] = [];
    for (let done = 0; done < times; done += 1) {
      const begun = performance.now();
      const heard = reader?.read();
      await redis.publish('way', 'x');
      await heard;
      taken.push(performance.now() - begun);
    }
    return median(taken);
  } finally {
    redis.disconnect();
    over.abort();
  }
}
