import { describe, expect, test } from 'vitest';
import { readSettings } from '../../lib/config/settings.ts';
import { FeedError } from '../../lib/core/feed-error.ts';

/** The error text of settings that are refused. */
function refusalOf(env: Record<string, string>): string {
  try {
    readSettings(env);
  } catch (error) {
    if (error instanceof FeedError && error.code === 'misconfigured') return error.message;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(env)}`);
}

describe('settings', () => {
  test('an empty environment gives the defaults of the protocol', () => {
    expect(readSettings({})).toMatchObject({
      isProduction: false,
      isVercel: false,
      redis: null,
      feedDb: '.data/feed.db',
      retention: 10_000,
      channelMaxIdleMs: 30 * 86_400_000,
      publishToken: null,
      previousPublishToken: null,
      publishRate: null,
      readTokenSecret: null,
      streamMaxSeconds: null,
      streamMaxConnections: 800,
      streamMaxPerAddress: null,
      heartbeatMs: 15_000,
      tailCheckMs: 60_000,
      pollMode: 'long',
      allowedOrigins: [],
    });
  });

  test.each([
    [{ NODE_ENV: 'production' }, { isProduction: true }],
    [{ VERCEL: '1' }, { isVercel: true, pollMode: 'short', quietMs: 60_000, restBusyMs: 2_000 }],
    [{ VERCEL: '1', REST_BUSY_SECONDS: '0' }, { restBusyMs: null }],
    [{ REST_BUSY_SECONDS: '5' }, { restBusyMs: 5_000 }],
    [{ VERCEL: '1', QUIET_SECONDS: '0' }, { quietMs: null }],
    [{ VERCEL: '1', POLL_MODE: 'long' }, { pollMode: 'long' }],
    [{ FEED_DB: ':memory:' }, { feedDb: ':memory:' }],
    [{ FEED_RETENTION: '25' }, { retention: 25 }],
    [{ CHANNEL_MAX_IDLE_DAYS: '1' }, { channelMaxIdleMs: 86_400_000 }],
    [{ PUBLISH_TOKEN: 'p' }, { publishToken: 'p' }],
    [
      { PUBLISH_TOKEN: 'p', PUBLISH_TOKEN_PREVIOUS: 'o' },
      { publishToken: 'p', previousPublishToken: 'o' },
    ],
    [{ PUBLISH_TOKEN: 'p', PUBLISH_TOKEN_PREVIOUS: '' }, { previousPublishToken: null }],
    [{ PUBLISH_RATE: '1' }, { publishRate: 1 }],
    [{ PUBLISH_RATE: '1000000' }, { publishRate: 1_000_000 }],
    [{ READ_TOKEN_SECRET: 'r' }, { readTokenSecret: 'r' }],
    [{ STREAM_MAX_SECONDS: '60' }, { streamMaxSeconds: 60 }],
    [{ STREAM_MAX_CONNECTIONS: '10' }, { streamMaxConnections: 10 }],
    [{ STREAM_MAX_PER_ADDRESS: '100' }, { streamMaxPerAddress: 100 }],
    [{ HEARTBEAT_SECONDS: '2.5' }, { heartbeatMs: 2_500 }],
    [{ TAIL_CHECK_SECONDS: '30' }, { tailCheckMs: 30_000 }],
    [{ PROBE_MAX_SECONDS: '20' }, { probeMaxMs: 20_000 }],
    [{ POLL_MODE: 'short' }, { pollMode: 'short' }],
    [
      { ALLOWED_ORIGINS: ' https://a.test, http://b.test:81 ,' },
      { allowedOrigins: ['https://a.test', 'http://b.test:81'] },
    ],
    [
      { PUBLISH_TOKEN: '', PUBLISH_RATE: '', FEED_RETENTION: '', READ_TOKEN_SECRET: '' },
      { publishToken: null, publishRate: null, retention: 10_000, readTokenSecret: null },
    ],
  ])('%j reads as %j', (env, expected) => {
    expect(readSettings(env)).toMatchObject(expected);
  });

  test.each([['UPSTASH_REDIS_REST'], ['KV_REST_API']])('%s_URL and _TOKEN select the Redis log', (prefix) => {
    const env = { [`${prefix}_URL`]: 'https://db.test', [`${prefix}_TOKEN`]: 't' };

    expect(readSettings(env).redis).toEqual({ url: 'https://db.test', token: 't' });
  });

  test('REDIS_URL selects the Redis log over TCP, unless a REST API is set', () => {
    const env = { REDIS_URL: 'redis://:p@db.test:1' };
    const rest = { KV_REST_API_URL: 'https://db.test', KV_REST_API_TOKEN: 't' };

    expect(readSettings(env).redis).toMatchObject({
      address: { password: 'p', nodes: [{ host: 'db.test' }] },
    });
    expect(readSettings({ ...env, ...rest }).redis).toEqual({ url: 'https://db.test', token: 't' });
  });

  test('an invalid REDIS_URL is refused without its text', () => {
    const text = refusalOf({ REDIS_URL: 'redis://user:secret@host@x' });

    expect(text).toMatch(/^REDIS_URL is not a URL of Redis\. Use redis:/);
    expect(text).not.toContain('secret');
  });

  test.each([
    ['FEED_RETENTION', ['0', '-1', '1.5', 'many', '1e3', ' 5', '99999999999']],
    ['CHANNEL_MAX_IDLE_DAYS', ['0', '3651', '1d', '0.5']],
    ['PUBLISH_RATE', ['0', '-1', '0.5', '1000001', '10/s', 'none']],
    ['STREAM_MAX_SECONDS', ['0', '4', '86401', 'never', '10s']],
    ['STREAM_MAX_CONNECTIONS', ['0', '-5', '2.5', 'all']],
    ['STREAM_MAX_PER_ADDRESS', ['0', '-1', '1.5', 'none', '100001']],
    ['HEARTBEAT_SECONDS', ['0', '0.05', '301', 'fast', '-1', 'Infinity', '0x10']],
    ['TAIL_CHECK_SECONDS', ['0', '3601', 'NaN']],
    ['PROBE_MAX_SECONDS', ['0', '86401', 'soon']],
    ['POLL_MODE', ['LONG', 'both', '1']],
    ['ALLOWED_ORIGINS', ['*', 'example.org', 'https://a.test/', 'https://a.test/path', 'https://a.test, b']],
  ])('a bad %s is refused with its name and its range', (name, values) => {
    for (const value of values) {
      expect(refusalOf({ [name]: value })).toMatch(new RegExp(`^${name} .*\\. (Set it to|Write) `));
    }
  });

  test.each([
    ['UPSTASH_REDIS_REST_TOKEN', { UPSTASH_REDIS_REST_URL: 'https://db.test' }],
    ['UPSTASH_REDIS_REST_URL', { UPSTASH_REDIS_REST_TOKEN: 'secret' }],
    ['KV_REST_API_TOKEN', { KV_REST_API_URL: 'https://db.test' }],
    ['KV_REST_API_URL', { KV_REST_API_TOKEN: 'secret' }],
    ['UPSTASH_REDIS_REST_URL', { UPSTASH_REDIS_REST_URL: 'db secret', UPSTASH_REDIS_REST_TOKEN: 'secret' }],
  ])('a URL without its token, or an invalid URL, is refused with the name %s and no secret', (name, env) => {
    const text = refusalOf(env);

    expect(text).toMatch(new RegExp(`^${name} `));
    expect(text).not.toContain('secret');
  });

  test.each(['redis://secret', ' https://secret.test', 'https://secret.test\n', 'https:secret.test'])(
    '%j is refused as a URL of Redis, and the error does not contain it',
    (url) => {
      const text = refusalOf({ UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: 't' });

      expect(text).toMatch(/^UPSTASH_REDIS_REST_URL is not a URL/);
      expect(text).not.toContain('secret');
    },
  );
});

test.each([
  ['PUBLISH_TOKEN', { PUBLISH_TOKEN: 'two words' }],
  ['PUBLISH_TOKEN_PREVIOUS', { PUBLISH_TOKEN: 'p', PUBLISH_TOKEN_PREVIOUS: 'two words' }],
  [
    'UPSTASH_REDIS_REST_TOKEN',
    { UPSTASH_REDIS_REST_URL: 'https://r.test', UPSTASH_REDIS_REST_TOKEN: 'two words' },
  ],
  ['KV_REST_API_TOKEN', { KV_REST_API_URL: 'https://r.test', KV_REST_API_TOKEN: 'ü' }],
])('%s is refused if it does not fit into a header, and the error does not contain it', (name, env) => {
  expect(() => readSettings(env)).toThrow(new RegExp(`^${name} is not a token`));
  expect(() => readSettings(env)).not.toThrow(/two words|ü/);
});

test('a previous token without a current one is refused, because publishing is off without a current one', () => {
  expect(() => readSettings({ PUBLISH_TOKEN_PREVIOUS: 'old' })).toThrow(
    /^PUBLISH_TOKEN_PREVIOUS .*PUBLISH_TOKEN/,
  );
});
