import type { FeedQuery } from './http.ts';

/** Version of the messages between tabs. Tabs of another deployment that write them otherwise get another name. */
const version = 3;

/**
 * The name of a reader: the same for tabs that read the same with a token of the same subject that allows the same
 * channels. It is a digest, so neither token nor subject can be read from it.
 * @param token null without one.
 * @param base the page's own address.
 */
export async function readerName(query: FeedQuery, token: string | null, base: string): Promise<string> {
  const url = new URL(query.url || '/', base).href;
  const subject = token === null ? [] : readClaims(token).subject;
  const text = JSON.stringify([url, query.channels.toSorted(), query.types.toSorted(), subject]);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  const hex = [...new Uint8Array(digest, 0, 16)].map((byte) => byte.toString(16).padStart(2, '0'));
  return `steadfeed ${version} ${hex.join('')}`;
}

/** What a token says. Its signature is not checked here: the server does that. */
export type TokenClaims = {
  /** Who may get the same. A token that is no JWT, or has no claim `sub`, is its own subject. */
  readonly subject: readonly unknown[];
  /** Unix time in ms at which it expires; infinite where it names no time. */
  readonly endsAt: number;
};

/** Reads a token: the claims `sub` and `channels` say whose it is, and what it allows. */
export function readClaims(token: string): TokenClaims {
  try {
    const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    const { sub, channels, exp } = JSON.parse(new TextDecoder().decode(bytes));
    const allowed = Array.isArray(channels) ? channels.toSorted() : channels;
    return {
      subject: typeof sub === 'string' ? ['sub', sub, allowed] : ['token', token],
      endsAt: typeof exp === 'number' ? exp * 1_000 : Number.POSITIVE_INFINITY,
    };
  } catch {
    return { subject: ['token', token], endsAt: Number.POSITIVE_INFINITY };
  }
}
