import { FeedError } from '../core/feed-error.ts';
import { parseRedisUrl, type RedisAddress, redisUrlRule } from '../core/redis-address.ts';

/** The settings of the server, read from environment variables. `.env.example` explains each, with its default and range. */
export type Settings = {
  /** NODE_ENV is `production`. */
  readonly isProduction: boolean;
  /** VERCEL is `1`: the process owns neither its sockets nor a disk that lasts. */
  readonly isVercel: boolean;
  /** The Redis REST API, or a Redis over TCP; null: events are kept in `feedDb`. */
  readonly redis:
    | { readonly url: string; readonly token: string }
    | { readonly address: RedisAddress }
    | null;
  /** The file of the embedded log; `:memory:` loses all events at the end of the process. */
  readonly feedDb: string;
  /** How many events each channel keeps, at least. */
  readonly retention: number;
  /** How long Redis keeps a channel without a publish. */
  readonly channelMaxIdleMs: number;
  /** Null: publishing is off in production; in development it is open to this site (`canPublish`). */
  readonly publishToken: string | null;
  /** An older publish token that still works; null: there is none. */
  readonly previousPublishToken: string | null;
  /** Max events per second, on average, for all publishers with the token together and for each address; null: no limit. */
  readonly publishRate: number | null;
  /** Signs read tokens; null: every channel is public. */
  readonly readTokenSecret: string | null;
  /** The host's limit on the length of one request; null: the route's `maxDuration`. */
  readonly streamMaxSeconds: number | null;
  /** Max streams and waiting long polls in one process. */
  readonly streamMaxConnections: number;
  /** Max channels that one address may follow per process, by streams and long polls; null: no limit. */
  readonly streamMaxPerAddress: number | null;
  /** Longest silence of a stream before a heartbeat. */
  readonly heartbeatMs: number;
  /** How long a channel may be quiet before the server re-checks the log for missed events. */
  readonly tailCheckMs: number;
  /** Whether the server holds a poll until an event arrives. */
  readonly pollMode: 'long' | 'short';
  /** How long nothing may happen in all channels of a process before its readers rest; null: they never do. */
  readonly quietMs: number | null;
  /** Longest pause between two polls of a reader at rest. */
  readonly restMaxMs: number;
  /** Pause between two polls of a reader that rests although events come; null: readers rest only in a quiet time. */
  readonly restBusyMs: number | null;
  /** Longest time between two attempts of the page to stream again while it polls. */
  readonly probeMaxMs: number;
  /** The least important lines that the server prints. */
  readonly logLevel: LogLevel;
  /** Other origins whose pages may read the feed. */
  readonly allowedOrigins: readonly string[];
};

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings. An empty variable counts as not set.
 * @throws FeedError `misconfigured`, with the name of the variable and its range, but never the value of a secret.
 */
export function readSettings(env: Environment): Settings {
  const isVercel = env.VERCEL === '1';
  return {
    isProduction: env.NODE_ENV === 'production',
    isVercel,
    redis: readRedis(env),
    feedDb: env.FEED_DB || '.data/feed.db',
    retention: wholeNumber(env, 'FEED_RETENTION', 10_000, 1, 10_000_000),
    channelMaxIdleMs: wholeNumber(env, 'CHANNEL_MAX_IDLE_DAYS', 30, 1, 3_650) * 86_400_000,
    publishToken: readToken(env, 'PUBLISH_TOKEN'),
    previousPublishToken: readPreviousToken(env),
    publishRate: env.PUBLISH_RATE ? wholeNumber(env, 'PUBLISH_RATE', 0, 1, 1_000_000) : null,
    readTokenSecret: env.READ_TOKEN_SECRET || null,
    streamMaxSeconds: env.STREAM_MAX_SECONDS ? wholeNumber(env, 'STREAM_MAX_SECONDS', 0, 5, 86_400) : null,
    streamMaxConnections: wholeNumber(env, 'STREAM_MAX_CONNECTIONS', 800, 1, 100_000),
    streamMaxPerAddress: env.STREAM_MAX_PER_ADDRESS
      ? wholeNumber(env, 'STREAM_MAX_PER_ADDRESS', 0, 1, 100_000)
      : null,
    heartbeatMs: seconds(env, 'HEARTBEAT_SECONDS', 15, 0.1, 300),
    tailCheckMs: seconds(env, 'TAIL_CHECK_SECONDS', 60, 0.1, 3_600),
    pollMode: oneOf(env, 'POLL_MODE', isVercel ? 'short' : 'long', ['long', 'short']),
    quietMs: wholeNumber(env, 'QUIET_SECONDS', isVercel ? 60 : 0, 0, 86_400) * 1_000 || null,
    restMaxMs: wholeNumber(env, 'REST_MAX_SECONDS', 30, 5, 60) * 1_000,
    restBusyMs: wholeNumber(env, 'REST_BUSY_SECONDS', isVercel ? 2 : 0, 0, 5) * 1_000 || null,
    probeMaxMs: seconds(env, 'PROBE_MAX_SECONDS', 300, 1, 86_400),
    logLevel: readLogLevel(env),
    allowedOrigins: readOrigins(env),
  };
}

/** How important a line of the server is, the most important first. */
export const logLevels = ['error', 'warn', 'info', 'debug'] as const;

/** How important a line of the server is. */
export type LogLevel = (typeof logLevels)[number];

/** Which lines the server prints. @throws FeedError `misconfigured` */
export function readLogLevel(env: Environment): LogLevel {
  const defaults: Readonly<Record<string, LogLevel>> = { development: 'warn', test: 'error' };
  return oneOf(env, 'LOG_LEVEL', defaults[env.NODE_ENV ?? ''] ?? 'info', logLevels);
}

/** The names of all environment variables that `readSettings` reads. */
export function settingNames(): readonly string[] {
  const names = new Set<string>();
  readSettings(new Proxy({}, { get: (_, name) => void names.add(String(name)) }));
  return [...names];
}

/** Environment variables whose values must appear in no log line. The URL of Redis may hold a password. */
const secretNames = [
  'UPSTASH_REDIS_REST_URL',
  'UPSTASH_REDIS_REST_TOKEN',
  'KV_REST_API_URL',
  'KV_REST_API_TOKEN',
  'REDIS_URL',
  'PUBLISH_TOKEN',
  'PUBLISH_TOKEN_PREVIOUS',
  'READ_TOKEN_SECRET',
  'OTEL_EXPORTER_OTLP_HEADERS',
];

/** The values of the secret settings that are set. */
export function secretsIn(env: Environment): readonly string[] {
  const address = parseRedisUrl(env.REDIS_URL ?? '');
  const passwords = [address?.password ?? [], address?.sentinelPassword ?? []].flat();
  return [...secretNames.flatMap((name) => env[name] || []), ...passwords];
}

function readRedis(env: Environment): Settings['redis'] {
  for (const prefix of ['UPSTASH_REDIS_REST', 'KV_REST_API']) {
    const url = env[`${prefix}_URL`];
    const token = env[`${prefix}_TOKEN`];
    if (!url && !token) continue;
    if (!url || !token) {
      const missing = url ? `${prefix}_TOKEN` : `${prefix}_URL`;
      throw misconfigured(
        missing,
        `is not set, but ${url ? `${prefix}_URL` : `${prefix}_TOKEN`} is. Set both, or neither.`,
      );
    }
    // Without this check the driver would refuse a copied space at the first request, with the URL in its error.
    if (!URL.canParse(url) || !/^https?:\/\/\S+$/.test(url)) {
      throw misconfigured(
        `${prefix}_URL`,
        'is not a URL of the Redis REST API. Copy the https://… URL from the Redis console, without spaces.',
      );
    }
    if (!isToken(token)) throw misconfigured(`${prefix}_TOKEN`, tokenRule);
    return { url, token };
  }
  // Last: an integration of the platform may set both for one database, and an app that used REST must go on with it.
  if (!env.REDIS_URL) return null;
  const address = parseRedisUrl(env.REDIS_URL);
  if (address === null) throw misconfigured('REDIS_URL', `is not a URL of Redis. ${redisUrlRule}`);
  return { address };
}

const tokenRule =
  'is not a token that fits into an HTTP header. Use printable ASCII characters without spaces.';

function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

function readToken(env: Environment, name: string): string | null {
  const token = env[name];
  if (!token) return null;
  if (isToken(token)) return token;
  throw misconfigured(name, tokenRule);
}

function readPreviousToken(env: Environment): string | null {
  const token = readToken(env, 'PUBLISH_TOKEN_PREVIOUS');
  if (token === null || env.PUBLISH_TOKEN) return token;
  throw misconfigured('PUBLISH_TOKEN_PREVIOUS', 'is set, but PUBLISH_TOKEN is not. Set both, or neither.');
}

function wholeNumber(env: Environment, name: string, fallback: number, min: number, max: number): number {
  const text = env[name];
  if (!text) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw misconfigured(name, `is "${text}". Set it to a whole number from ${min} to ${max}.`);
}

function seconds(env: Environment, name: string, fallback: number, min: number, max: number): number {
  const text = env[name];
  if (!text) return fallback * 1_000;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= max) return value * 1_000;
  throw misconfigured(name, `is "${text}". Set it to a number of seconds from ${min} to ${max}.`);
}

function oneOf<T extends string>(env: Environment, name: string, fallback: T, allowed: readonly T[]): T {
  const text = env[name];
  if (!text) return fallback;
  const found = allowed.find((value) => value === text);
  if (found !== undefined) return found;
  throw misconfigured(name, `is "${text}". Set it to ${allowed.join(' or ')}.`);
}

function readOrigins(env: Environment): readonly string[] {
  const parts = (env.ALLOWED_ORIGINS ?? '').split(',').map((part) => part.trim());
  return parts.filter(Boolean).map((part) => {
    if (URL.canParse(part) && new URL(part).origin === part) return part;
    throw misconfigured(
      'ALLOWED_ORIGINS',
      `contains "${part}". Write origins such as https://example.org, separated by commas, without a path.`,
    );
  });
}

function misconfigured(name: string, text: string): FeedError {
  return new FeedError('misconfigured', `${name} ${text}`);
}
