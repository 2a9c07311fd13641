import type { EventLog } from './event-log.ts';
import { appendToRedis } from './redis-append.ts';
import { createRedisClient, type RedisEndpoint } from './redis-client.ts';
import { endsFromRedis, readFromRedis } from './redis-read.ts';
import { followRedis } from './redis-subscription.ts';

export type RedisLogOptions = {
  /** REST URL of the database: `UPSTASH_REDIS_REST_URL`. */
  readonly url: string;
  /** Its standard token: `UPSTASH_REDIS_REST_TOKEN`. A read-only one cannot append. */
  readonly token: string;
  /** Events kept per channel, at least; Redis trims by whole blocks of about 100. */
  readonly retention: number;
  /**
   * A channel to which nothing is published for so long, in ms, is forgotten, so that names used once do not fill the
   * database for ever; 30 days.
   */
  readonly maxIdleMs?: number;
  /** Longest wait for an answer, and for the acknowledgement of a subscription, in ms; 5,000. */
  readonly timeoutMs?: number;
};

const defaultMaxIdleMs = 30 * 86_400_000;

/**
 * The log in Redis, over the Upstash REST API. An append is one command and one HTTP request, whatever it holds;
 * so are a read and `ends`. Nothing is tried twice here: an append that was not answered may have been stored, and
 * the publisher's key is what makes trying again safe.
 * Eviction must be off in the database (`noeviction`): it would take a whole channel.
 * @throws FeedError `misconfigured` when the URL or the token cannot be one.
 */
export function createRedisLog(options: RedisLogOptions): EventLog {
  const { url, token, retention, maxIdleMs = defaultMaxIdleMs, timeoutMs = 5_000 } = options;
  const endpoint: RedisEndpoint = { url, token, timeoutMs };
  const client = createRedisClient(endpoint);
  const closed = new AbortController();
  return {
    kind: 'redis',
    append: (request) => appendToRedis(client, request, { retention, maxIdleMs }),
    read: (channel, from, limit) => readFromRedis(client, channel, from, limit),
    async ends(channels) {
      if (channels.length > 0) return endsFromRedis(client, channels);
      await client.ping();
      return new Map();
    },
    follow: (channel, onSignal, signal) =>
      followRedis(endpoint, channel, onSignal, AbortSignal.any([signal, closed.signal])),
    close: () => closed.abort(),
  };
}
