import { SignJWT } from 'jose';
import { buildSecrets } from '../../../scripts/build-app.ts';

/** The secrets of this suite. None may ever be seen in what a process prints or answers. */
export const secrets = {
  publishToken: 'publish-token-nobody-may-see',
  previousPublishToken: 'previous-publish-token-nobody-may-see',
  redisToken: 'redis-token-nobody-may-see',
  readSecret: 'read-token-secret-nobody-may-see',
} as const;

/** What is looked for, by its text: what it is. */
const kept = new Map<string, string>();

/** A shorter text may be part of another by chance. */
const leastCharacters = 8;

/** From now on `text` may be seen nowhere, as it is or in another writing. @param name is told where it is seen. */
export function keepSecret(name: string, text: string): void {
  if (text.length < leastCharacters) return;
  // The end of its base64 depends on what follows.
  const base64 = Buffer.from(text).toString('base64').slice(0, -4);
  const escaped = JSON.stringify(text).slice(1, -1);
  for (const writing of [text, base64, escaped, encodeURIComponent(text)]) kept.set(writing, name);
}

/** From now on those of a process's settings may be seen nowhere that are secret. */
export function keepSecretSettings(env: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(buildSecrets)) keepSecret(name, env[name] ?? '');
}

for (const [name, secret] of Object.entries(secrets)) keepSecret(name, secret);
keepSecretSettings(buildSecrets);

/** @throws Error when `text` holds a secret. */
export function checkNoSecret(text: string, where: string): void {
  for (const [secret, name] of kept) {
    if (text.includes(secret)) throw new Error(`${where} tells a secret (${name}): ${text.slice(0, 2_000)}`);
  }
}

/**
 * A read token, which may be seen nowhere either.
 * @param seconds until its `exp`; the server takes it for 30 s more.
 */
export async function signReadToken(channels: readonly string[], seconds = 600): Promise<string> {
  const token = await new SignJWT({ channels, exp: Math.floor(Date.now() / 1_000) + seconds })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secrets.readSecret));
  keepSecret('a read token', token);
  return token;
}
