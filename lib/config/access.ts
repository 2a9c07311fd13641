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
export async function canPublish(
  _request: Request,
  _channels: () => Promise<readonly string[]>,
  { token, isProduction, isOwnSite }: Publisher,
): Promise<boolean> {
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
}

/**
 * Whether a request may read all of `channels`. By default it needs a read token for channels that are not public. Without
 * `READ_TOKEN_SECRET` everyone may read everything.
 * @param readToken verifies the read token of the request. It throws a `FeedError` if the token is not valid.
 */
export async function canRead(
  _request: Request,
  channels: readonly string[],
  readToken: () => Promise<ReadToken | 'missing' | 'not-configured'>,
): Promise<ReadAccess> {
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
}

/** Whether a channel has the name `pattern`, or begins with it if the pattern ends with `*`: `order.*` matches `order.7`. */
export function matches(pattern: string, channel: string): boolean {
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : channel === pattern;
}

/** What `canRead` decides. */
export type ReadAccess =
  /** Everyone may read these channels. Only then may a shared cache keep the answer. */
  | 'everyone'
  /** This reader may. It is asked again after five minutes at most, because its stream ends then. `false`: it may not. */
  | boolean
  /** This reader may, until that time. Then its stream ends, and the server asks again when the reader comes back. */
  | { readonly until: Date };

/** What a verified read token allows. */
export type ReadToken = {
  /** Names of channels, and beginnings of names followed by `*`. */
  readonly channels: readonly string[];
  readonly until: Date;
};

/** What the server knows about a request that wants to publish. */
export type Publisher = {
  /** `valid`: the request carries `PUBLISH_TOKEN`, or the previous one. `not-configured`: the server has no such token. */
  readonly token: 'valid' | 'invalid' | 'not-configured';
  readonly isProduction: boolean;
  /** Whether the request comes from a page of this server, or from a program that asks it as localhost or by address. */
  readonly isOwnSite: boolean;
};
