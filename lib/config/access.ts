import type { CanPublish, CanRead } from '../core/access.ts';
import { FeedError } from '../core/feed-error.ts';
import { isPublic } from './public-channels.ts';

/*
 * Who may publish, and who may read. The server asks these two functions before it reads or stores an event. Edit them to use
 * the sessions of your app; `docs/private-channels.md` has an example. Only the server loads this file, so it may import your
 * database.
 *
 * To refuse, return `false` (403), or throw a `FeedError` whose text says what to do: the reader gets it. Its code is
 * `unauthorized` (401, sign in first) or `forbidden` (403). After any other error, and after 5 s without an answer, the server
 * refuses the request (503) and logs why.
 *
 * If you read a query parameter of your own, add its name to `ignored-parameters.ts`. The server refuses any name that it does
 * not know.
 */

/**
 * Whether a request may publish. By default everybody who has the publish token may. Without such a token nobody may in
 * production; in development this site may.
 * @param _request without its body.
 * @param _channels reads the body, and returns the channels of its events. Refuse strangers before you call it.
 */
export const canPublish: CanPublish = async (_request, _channels, { token, isProduction, isOwnSite }) => {
  if (token === 'valid') return true;
  if (token === 'invalid') {
    throw new FeedError('unauthorized', 'Publishing needs the header Authorization: Bearer <PUBLISH_TOKEN>.');
  }
  if (isProduction) {
    throw new FeedError(
      'publishing-off',
      'Publishing is off because the server has no PUBLISH_TOKEN. Set this variable to turn it on.',
    );
  }
  if (isOwnSite) return true;
  throw new FeedError(
    'forbidden',
    'Without PUBLISH_TOKEN only this site may publish: its own pages, and programs that use localhost or an IP address. Set PUBLISH_TOKEN on the server to publish from elsewhere.',
  );
};

/**
 * Whether a request may read all of `channels`. By default it needs a read token for channels that are not public. Without
 * `READ_TOKEN_SECRET` everyone may read everything.
 * @param readToken verifies the read token of the request. It throws a `FeedError` if the token is not valid.
 */
export const canRead: CanRead = async (_request, channels, readToken) => {
  const closed = channels.filter((channel) => !isPublic(channel));
  if (closed.length === 0) return 'everyone';
  const token = await readToken();
  if (token === 'not-configured') return 'everyone';
  if (token === 'missing') {
    throw new FeedError(
      'unauthorized',
      `Channel "${closed[0]}" is private. Send a read token as Authorization: Bearer, as the cookie feed_token or as ?token=.`,
    );
  }
  const refused = closed.find((channel) => !token.channels.some((pattern) => matches(pattern, channel)));
  if (refused === undefined) return { until: token.until };
  throw new FeedError(
    'forbidden',
    `The token does not allow channel "${refused}". It allows: ${token.channels.join(', ') || 'none'}.`,
  );
};

/** Whether a channel has the name `pattern`, or begins with it if the pattern ends with `*`: `order.*` matches `order.7`. */
export function matches(pattern: string, channel: string): boolean {
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : channel === pattern;
}
