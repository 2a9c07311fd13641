import { SignJWT } from 'jose';
import { range } from '../log/log-steps.ts';
import { makeStand, type Stand } from './stand.ts';

/** As long as HS512 wants it too: a token signed by that is refused for its algorithm alone. */
export const secret = 'a-secret-of-'.padEnd(64, 'many-characters-');

/** A server with events in `order.a`, `order.b`, and the feed, which alone is public. */
export async function makeClosedStand(): Promise<Stand> {
  const stand = makeStand({ env: { READ_TOKEN_SECRET: secret } });
  for (const channel of ['order.a', 'order.b', 'feed']) {
    const data = JSON.stringify(`told in ${channel}`);
    await stand.memory.append({
      events: range(1, 5).map(() => ({ channel, type: 'note', data })),
      key: null,
    });
  }
  return stand;
}

type Claims = Readonly<Record<string, unknown>>;

/** A token with these claims besides an `exp` in ten minutes. */
export function sign(stand: Stand, claims: Claims, key = secret, alg = 'HS256'): Promise<string> {
  const exp = Math.floor(stand.clock.now() / 1_000) + 600;
  return new SignJWT({ exp, ...claims }).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key));
}
