/** What a token says of itself. Nobody here checks its signature: the server does. */
export type TokenClaims = {
  /** Who may hear the same. A token without the claim `sub`, or that is no JWT, is its own subject. */
  readonly subject: readonly unknown[];
  /** Unix time in ms at which it expires; infinite where it does not say. */
  readonly endsAt: number;
};

/** Reads a token: the claims `sub` and `channels` say whose it is, and what may be heard with it. */
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
