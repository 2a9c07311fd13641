/**
 * Every setting of the feed, not set: an empty one counts as that, and keeps a file `.env.local` from setting it. A
 * process of the app that a script or a test starts begins from this, so that it needs no account and touches nobody's
 * data.
 */
export const unsetSettings = {
  UPSTASH_REDIS_REST_URL: '',
  UPSTASH_REDIS_REST_TOKEN: '',
  KV_REST_API_URL: '',
  KV_REST_API_TOKEN: '',
  FEED_DB: '',
  FEED_RETENTION: '',
  CHANNEL_MAX_IDLE_DAYS: '',
  PUBLISH_TOKEN: '',
  PUBLISH_TOKEN_PREVIOUS: '',
  PUBLISH_RATE: '',
  READ_TOKEN_SECRET: '',
  STREAM_MAX_SECONDS: '',
  STREAM_MAX_CONNECTIONS: '',
  STREAM_MAX_PER_ADDRESS: '',
  HEARTBEAT_SECONDS: '',
  TAIL_CHECK_SECONDS: '',
  POLL_MODE: '',
  PROBE_MAX_SECONDS: '',
  ALLOWED_ORIGINS: '',
  VERCEL: '',
} as const;
