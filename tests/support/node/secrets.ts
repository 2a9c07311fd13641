import { SignJWT } from 'jose';
import { buildSecrets } from '../../../scripts/build-app.ts';

/** The secrets of this suite. No output and no answer of a process may contain one. */
export const secrets = {
  publishToken: 'publish-token-nobody-may-see',
  previousPublishToken: 'previous-publish-token-nobody-may-see',
  redisToken: 'redis-token-nobody-may-see',
  readSecret: 'read-token-secret-nobody-may-see',
} as const;

/** Texts that no output may contain, with the name of the secret of each. */
const forbiddenTexts = new Map<string, string>();

/** A shorter text could be in an output by chance. */
const minCharacters = 8;

/** Forbids `text` in all outputs from now on, also encoded. @param name the name of the secret in the error. */
export function keepSecret(name: string, text: string): void {
  if (text.length < minCharacters) return;
  // The last characters of its base64 depend on the text after it.
  const base64 = Buffer.from(text).toString('base64').slice(0, -4);
  const escaped = JSON.stringify(text).slice(1, -1);
  for (const writing of [text, base64, escaped, encodeURIComponent(text)]) forbiddenTexts.set(writing, name);
}

/** Forbids the values of the secret settings of a process in all outputs from now on. */
export function keepSecretSettings(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(buildSecrets)) keepSecret(name, env[name] ?? '');
}

for (const [name, secret] of Object.entries(secrets)) keepSecret(name, secret);
keepSecretSettings(buildSecrets);

/** Searches `text` for secrets. @throws Error if it contains one. */
export function checkNoSecret(text: string, where: string): void {
  for (const [secret, name] of forbiddenTexts) {
    if (text.includes(secret))
      throw new Error(`${where} contains a secret (${name}): ${text.slice(0, 2_000)}`);
  }
}

/**
 * Makes a read token, and forbids it in all outputs.
 * @param seconds the time until its `exp`. The server accepts it for 30 s more.
 */
export async function signReadToken(channels: readonly string[], seconds = 600): Promise<string> {
  const token = await new SignJWT({ channels, exp: Math.floor(Date.now() / 1_000) + seconds })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(secrets.readSecret));
  keepSecret('a read token', token);
  return token;
}
