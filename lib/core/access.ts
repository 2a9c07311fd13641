/* The rules of access that an app writes in `lib/config/access.ts`, as types. */

/** Decides whether a request may publish. The request has no body; `channels` reads it. */
export type CanPublish = (
  request: Request,
  channels: () => Promise<readonly string[]>,
  publisher: Publisher,
) => Promise<boolean>;

/** Decides whether a request may read all of `channels`. `readToken` verifies its read token. */
export type CanRead = (
  request: Request,
  channels: readonly string[],
  readToken: () => Promise<ReadToken | 'missing' | 'not-configured'>,
) => Promise<ReadAccess>;

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
