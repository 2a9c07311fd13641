/** The secrets of this suite. None may ever be seen in what a process prints or answers. */
export const secrets = {
  publishToken: 'publish-token-nobody-may-see',
  redisToken: 'redis-token-nobody-may-see',
  readSecret: 'read-token-secret-nobody-may-see',
} as const;

/** @throws Error when `text` holds a secret. */
export function checkNoSecret(text: string, where: string): void {
  for (const [name, secret] of Object.entries(secrets)) {
    if (text.includes(secret)) throw new Error(`${where} tells a secret (${name}): ${text.slice(0, 2_000)}`);
  }
}
