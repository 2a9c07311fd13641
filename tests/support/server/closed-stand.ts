import { SignJWT } from 'jose';
import { range } from '../log/log-steps.ts';
import { makeStand, type Stand } from './stand.ts';

/** Long enough for HS512 too: a token that is signed with HS512 is refused only for its algorithm. */
export const secret = 'a-secret-of-'.padEnd(64, 'many-characters-');

/** A server with events about the subject `s` in `order.a`, `order.b` and `feed`; only `feed` is public. */
export async function makeClosedStand(): Promise<Stand> {
  const stand = makeStand({ env: { READ_TOKEN_SECRET: secret } });
  for (const channel of ['order.a', 'order.b', 'feed']) {
    const data = JSON.stringify(`published in ${channel}`);
    await stand.memory.append({
      events: range(1, 5).map(() => ({ channel, type: 'note', data, attributes: { subject: 's' } })),
      key: null,
    });
  }
  return stand;
}

type Claims = Readonly<Record<string, unknown>>;

/** A token with these claims, and an `exp` in ten minutes. */
export function sign(stand: Stand, claims: Claims, key = secret, alg = 'HS256'): Promise<string> {
  const exp = Math.floor(stand.clock.now() / 1_000) + 600;
  return new SignJWT({ exp, ...claims }).setProtectedHeader({ alg }).sign(new TextEncoder().encode(key));
}
