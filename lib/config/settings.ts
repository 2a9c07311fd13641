import { FeedError } from '../core/feed-error.ts';

/** What the environment sets; what each setting does, and its default, is in `.env.example`. */
export type Settings = {
  readonly isProduction: boolean;
  /** Whether this runs on the platform, where no process owns its sockets or its disk. */
  readonly isVercel: boolean;
  /** The Redis log; null where none is set. */
  readonly redis: { readonly url: string; readonly token: string } | null;
  /** File of the embedded log; `:memory:` keeps nothing. */
  readonly feedDb: string;
  /** Events kept per channel, at least. */
  readonly retention: number;
  /** A channel in Redis to which nothing is published for so long is forgotten. */
  readonly channelMaxIdleMs: number;
  readonly publishToken: string | null;
  /** The token before it, which publishes too while publishers change to the new one. */
  readonly previousPublishToken: string | null;
  /** Events a second that one publisher may store in the long run; null: no limit. */
  readonly publishRate: number | null;
  readonly readTokenSecret: string | null;
  /** The platform's limit on one request; null: the route's `maxDuration`. */
  readonly streamMaxSeconds: number | null;
  /** Streams and polls that wait which one process holds. */
  readonly streamMaxConnections: number;
  /** Channels that one address may read in one process by streams and polls that wait; null: no limit. */
  readonly streamMaxPerAddress: number | null;
  readonly heartbeatMs: number;
  /** Longest silence before a tail asks the log itself. */
  readonly tailCheckMs: number;
  readonly pollMode: 'long' | 'short';
  /** Longest wait of a page's client between two tries to stream again while it polls. */
  readonly probeMaxMs: number;
  /** Other origins that may read from a browser. */
  readonly allowedOrigins: readonly string[];
};

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings.
 * @throws FeedError `misconfigured`, naming the variable and what is allowed; never its value where that is secret.
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
    probeMaxMs: seconds(env, 'PROBE_MAX_SECONDS', 300, 1, 86_400),
    allowedOrigins: readOrigins(env),
  };
}

function readRedis(env: Environment): Settings['redis'] {
  for (const prefix of ['UPSTASH_REDIS_REST', 'KV_REST_API']) {
    const url = env[`${prefix}_URL`];
    const token = env[`${prefix}_TOKEN`];
    if (!url && !token) continue;
    if (!url || !token) {
      const missing = url ? `${prefix}_TOKEN` : `${prefix}_URL`;
      throw misconfigured(missing, 'is not set, but its partner is; the Redis log needs both');
    }
    // A blank around it, as copied along, the driver would refuse at the first request, quoting it.
    if (!URL.canParse(url) || !/^https?:\/\/\S+$/.test(url)) {
      throw misconfigured(
        `${prefix}_URL`,
        'is not a URL of the REST API; allowed is https://… as the Redis console shows it, without blanks',
      );
    }
    if (!isToken(token)) throw misconfigured(`${prefix}_TOKEN`, tokenRule);
    return { url, token };
  }
  return null;
}

const tokenRule =
  'is not a token that a header can carry; allowed are printable ASCII characters without blanks';

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
  throw misconfigured(
    'PUBLISH_TOKEN_PREVIOUS',
    'is set, but PUBLISH_TOKEN is not; allowed is both, or neither',
  );
}

function wholeNumber(env: Environment, name: string, fallback: number, min: number, max: number): number {
  const text = env[name];
  if (!text) return fallback;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw misconfigured(name, `is "${text}"; allowed is a whole number from ${min} to ${max}`);
}

function seconds(env: Environment, name: string, fallback: number, min: number, max: number): number {
  const text = env[name];
  if (!text) return fallback * 1_000;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= min && value <= max) return value * 1_000;
  throw misconfigured(name, `is "${text}"; allowed is a number of seconds from ${min} to ${max}`);
}

function oneOf<T extends string>(env: Environment, name: string, fallback: T, allowed: readonly T[]): T {
  const text = env[name];
  if (!text) return fallback;
  const found = allowed.find((value) => value === text);
  if (found !== undefined) return found;
  throw misconfigured(name, `is "${text}"; allowed is ${allowed.join(' or ')}`);
}

function readOrigins(env: Environment): readonly string[] {
  const parts = (env.ALLOWED_ORIGINS ?? '').split(',').map((part) => part.trim());
  return parts.filter(Boolean).map((part) => {
    if (URL.canParse(part) && new URL(part).origin === part) return part;
    throw misconfigured(
      'ALLOWED_ORIGINS',
      `holds "${part}"; allowed are origins such as https://example.org, comma-separated, without a path`,
    );
  });
}

function misconfigured(name: string, text: string): FeedError {
  return new FeedError('misconfigured', `${name} ${text}`);
}
