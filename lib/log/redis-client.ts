import { Redis } from '@upstash/redis';
import { FeedError } from '../core/feed-error.ts';
import { logFailure } from './redis-failure.ts';

/** Where the Redis REST endpoint is, and how long it is waited for. */
export type RedisEndpoint = {
  /** `https://…`; `http://` for one of this machine. */
  readonly url: string;
  readonly token: string;
  /** Longest wait for an answer, in ms. */
  readonly timeoutMs: number;
};

/** The two things the log asks Redis for. Both reject with FeedError, and with no text of the driver. */
export type RedisClient = {
  /** Runs a script: one command, one HTTP request, tried once. */
  evaluate(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Proves that Redis answers; not billed. */
  ping(): Promise<void>;
};

/**
 * A client of the REST API that changes nothing on its own.
 * @throws FeedError `misconfigured` when the URL or the token cannot be one; it quotes neither.
 */
export function createRedisClient(endpoint: RedisEndpoint): RedisClient {
  checkEndpoint(endpoint);
  const redis = new Redis({
    url: endpoint.url,
    token: endpoint.token,
    // `retry: false` still tries twice (1.39: the loop is `i <= attempts`, with attempts 1). Whoever appends with a
    // key may safely try again; without one, a second try could store twice.
    retry: { retries: 0 },
    // Else the string "42" comes back as the number 42.
    automaticDeserialization: false,
    // All that is stored is valid UTF-8; base64 would make every answer a third longer.
    responseEncoding: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    cache: 'no-store',
    signal: () => AbortSignal.timeout(endpoint.timeoutMs),
  });
  return {
    async evaluate(script, keys, args) {
      try {
        return await redis.eval(script, [...keys], [...args]);
      } catch (error) {
        throw logFailure(error);
      }
    },
    async ping() {
      try {
        await redis.ping();
      } catch (error) {
        throw logFailure(error);
      }
    },
  };
}

/** What the driver takes; it quotes what it does not. */
const driverUrlPattern = /^https?:\/\/[^\s#$./?].\S*$/;

function checkEndpoint({ url, token }: RedisEndpoint): void {
  if (!URL.canParse(url) || !driverUrlPattern.test(url)) {
    throw new FeedError(
      'misconfigured',
      'The URL of the log (Redis) must begin with https:// or http://, and have no blanks',
    );
  }
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new FeedError(
      'misconfigured',
      'The token of the log (Redis) must be printable ASCII without blanks',
    );
  }
}
