import { Redis } from '@upstash/redis';
import { FeedError } from '../../core/feed-error.ts';

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

type Kind = {
  /** The start of the service's text. */
  readonly pattern: RegExp;
  /** What is the matter, after "The log (Redis) ". */
  readonly words: string;
  readonly retryAfterSeconds: number;
};

/*
 * Texts of Redis itself, and of the service (its documentation, "Troubleshooting"). All are matched from their
 * start: what comes later may be a command's own words.
 */
const kinds: readonly Kind[] = [
  {
    pattern: /^(OOM\b|ERR DB capacity quota)/,
    words: 'is full: it stores nothing until it has more memory or holds less',
    retryAfterSeconds: 60,
  },
  {
    pattern: /^(READONLY|NOPERM)\b/,
    words: 'does not allow this: its token or server is read-only',
    retryAfterSeconds: 30,
  },
  {
    pattern: /^(WRONGPASS|NOAUTH|Unauthorized)\b/,
    words: 'refused the token it was given',
    retryAfterSeconds: 30,
  },
  {
    pattern: /^WRONGTYPE\b/,
    words: 'holds something else under the name of a channel or key',
    retryAfterSeconds: 30,
  },
  {
    pattern: /^ERR max .{0,40} exceeded/,
    words: 'has reached a limit of its plan',
    retryAfterSeconds: 60,
  },
];

const tooLargePattern = /^ERR max (single )?request size exceeded/;
const defaultRetrySeconds = 2;

/**
 * Puts a failure of the Redis driver into words of our own. The driver writes whole commands, its URL and what a
 * proxy answered into its texts, so nothing of them is passed on: the `cause` carries a short class of failure,
 * for example `WRONGTYPE`, `ECONNREFUSED`, `TimeoutError`.
 */
export function logFailure(error: unknown): FeedError {
  if (error instanceof FeedError) return error;
  if (!(error instanceof Error)) return unavailable('could not be asked', 'unknown');
  if (error.name === 'TimeoutError') return unavailable('did not answer in time', error.name);
  if (error.name === 'UpstashError') return logRefusal(error.message);
  if (error.name === 'UpstashJSONParseError')
    return unavailable('gave an answer that is not its own', error.name);
  if (error instanceof TypeError) return unavailable('cannot be reached', codeOf(error.cause) ?? 'network');
  // `node:http` tells of a socket, of TLS and of what is no HTTP by the error itself, `fetch` by its cause.
  const code = codeOf(error);
  if (code !== null) return unavailable('cannot be reached', code);
  return unavailable('gave an answer that cannot be read', 'unreadable');
}

/** Puts an error text of the service into words of our own; the text itself is not passed on. */
export function logRefusal(text: string): FeedError {
  const label = /^[A-Z]{2,20}\b/.exec(text)?.[0] ?? 'refused';
  if (tooLargePattern.test(text)) {
    return new FeedError(
      'too-large',
      'The log (Redis) takes no request of this size; send fewer or smaller events',
      {
        cause: new Error(label),
      },
    );
  }
  const kind = kinds.find(({ pattern }) => pattern.test(text));
  return unavailable(kind?.words ?? 'answered with an error', label, kind?.retryAfterSeconds);
}

/** What the log did instead of answering, and a short class of failure. */
export function unavailable(
  words: string,
  label: string,
  retryAfterSeconds = defaultRetrySeconds,
): FeedError {
  return new FeedError('log-unavailable', `The log (Redis) ${words}`, {
    cause: new Error(label),
    retryAfterSeconds,
  });
}

/** The code of a socket's error; null where it is none, or not of the usual form. */
function codeOf(cause: unknown): string | null {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  return typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? code : null;
}
