/** What every request of one feed asks for. */
export type FeedQuery = {
  /** Where the server is: an origin, or empty for the page's own. */
  readonly url: string;
  readonly channels: readonly string[];
  /** Empty: all types. */
  readonly types: readonly string[];
  /** `50`, `10m`, `all`; used until a cursor is known. Empty: from now on. */
  readonly rewind: string;
};

/**
 * The address of a read. The cursor goes in the query: a `Last-Event-ID` header would cost a reader of another
 * origin a preflight with every connect.
 */
export function feedAddress(
  query: FeedQuery,
  path: 'stream' | 'events',
  more: {
    readonly after?: string | null;
    readonly wait?: number;
    readonly before?: string;
    readonly limit?: number;
  },
): string {
  const search = new URLSearchParams();
  for (const channel of query.channels) search.append('channel', channel);
  for (const type of query.types) search.append('type', type);
  if (more.before !== undefined) search.set('before', more.before);
  else if (more.after) search.set('after', more.after);
  else if (query.rewind !== '') search.set('rewind', query.rewind);
  if (more.wait) search.set('wait', String(more.wait));
  if (more.limit) search.set('limit', String(more.limit));
  return `${query.url.replace(/\/$/, '')}/api/${path}?${search}`;
}

/** Headers and rules of a read: never from a cache, which would answer an old state for a new one. */
export function feedRequest(accept: string, token: string | null, signal: AbortSignal): RequestInit {
  const headers: Record<string, string> = { accept: `${accept}, application/problem+json` };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  return { headers, signal, cache: 'no-store' };
}
