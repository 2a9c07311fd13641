/**
 * What the secret settings are while a script or a test builds the app. A build needs none of them, and keeps none: these
 * are looked for in all that it made. They also keep a file `.env.local` out of it.
 */
export const buildSecrets = {
  UPSTASH_REDIS_REST_URL: 'https://redis-url-while-building.invalid',
  UPSTASH_REDIS_REST_TOKEN: 'redis-token-while-building',
  KV_REST_API_URL: 'https://kv-url-while-building.invalid',
  KV_REST_API_TOKEN: 'kv-token-while-building',
  PUBLISH_TOKEN: 'publish-token-while-building',
  PUBLISH_TOKEN_PREVIOUS: 'previous-publish-token-while-building',
  READ_TOKEN_SECRET: 'read-token-secret-while-building',
} as const;

/** The name of a secret setting that `text` holds; null: none. */
export function findBuildSecret(text: string): string | null {
  return Object.entries(buildSecrets).find(([, secret]) => text.includes(secret))?.[0] ?? null;
}
