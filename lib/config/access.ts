import { defaultChannel } from '../core/ids.ts';

/*
 * Who may read, and who may publish. Edit these rules to make them your app's. They decide on what the server has already
 * verified; `lib/server/http/access.ts` reads and verifies the tokens.
 */

/**
 * Whether everyone may read a channel without a token, even if `READ_TOKEN_SECRET` is set. The browser uses this rule too:
 * tabs share a connection without a token only for public channels.
 */
export function isPublic(channel: string): boolean {
  return channel === defaultChannel || channel.startsWith('public:');
}

/**
 * Whether a reader may read a channel. The server asks only if `READ_TOKEN_SECRET` is set; if not, everyone may read
 * everything.
 * @param patterns the claim `channels` of the reader's verified token: names, or prefixes that end with `*`.
 */
export function mayRead(channel: string, patterns: readonly string[]): boolean {
  return isPublic(channel) || patterns.some((pattern) => matches(pattern, channel));
}

function matches(pattern: string, channel: string): boolean {
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : channel === pattern;
}

/** What the server knows about a request that wants to publish. */
export type Publisher = {
  /** `valid`: the request carries `PUBLISH_TOKEN`, or the previous one. `not-configured`: the server has no such token. */
  readonly token: 'valid' | 'invalid' | 'not-configured';
  readonly isProduction: boolean;
  /** Whether the request comes from a page of this server, or from a program that asks it as localhost or by address. */
  readonly isOwnSite: boolean;
};

/**
 * Why a publisher may not publish; null if it may. With a publish token, everybody who has the token may. Without one, nobody
 * may in production; in development this site may.
 */
export function publishRefusal({
  token,
  isProduction,
  isOwnSite,
}: Publisher): 'unauthorized' | 'publishing-off' | 'forbidden' | null {
  if (token !== 'not-configured') return token === 'valid' ? null : 'unauthorized';
  if (isProduction) return 'publishing-off';
  return isOwnSite ? null : 'forbidden';
}
