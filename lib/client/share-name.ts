import type { FeedQuery } from './feed-request.ts';
import { readClaims } from './token-claims.ts';

/** Version of what tabs say to each other: tabs of another deployment that speak otherwise are not heard. */
const version = 1;

/**
 * The name under which tabs share: the same for those that read the same with a token of the same subject that allows
 * the same channels. It is a digest, so that neither token nor subject can be read from it.
 * @param token null without one.
 * @param base the page's own address.
 */
export async function shareName(query: FeedQuery, token: string | null, base: string): Promise<string> {
  const url = new URL(query.url || '/', base).href;
  const subject = token === null ? [] : readClaims(token).subject;
  const text = JSON.stringify([url, query.channels.toSorted(), query.types.toSorted(), subject]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const hex = [...new Uint8Array(digest, 0, 16)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `steadfeed ${version} ${hex.join('')}`;
}
