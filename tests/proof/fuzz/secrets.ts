import { createHmac } from 'node:crypto';

/** The secrets of the tested server. No answer and no printed line may show them. */
export const fuzzSecrets = {
  publishToken: 'publish-token-of-the-fuzz-run',
  readSecret: 'read-token-secret-of-the-fuzz-run',
} as const;

/** 2100-01-01, in s, so that a plan does not depend on the day of the run. */
const endsAtSeconds = 4_102_444_800;

/** A read token for `channels`. */
export function readToken(channels: readonly string[], claims: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ channels, exp: endsAtSeconds, ...claims })}`;
  return `${text}.${createHmac('sha256', fuzzSecrets.readSecret).update(text).digest('base64url')}`;
}
