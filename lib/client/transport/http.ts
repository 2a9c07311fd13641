import type { Problem } from '../../core/sse-frames.ts';
import type { Refusal } from './messages.ts';
import { readProblem } from './wire.ts';

/** What every request of one feed asks for. */
export type FeedQuery = {
  /** The server's origin, and the path of its app if it has one. Empty: the origin of the page. */
  readonly url: string;
  /** The end of each path: `/` where the app has `trailingSlash`. */
  readonly pathEnd: string;
  readonly channels: readonly string[];
  /** Only events of these types. Empty: all. */
  readonly types: readonly string[];
  /** Where to begin while there is no cursor: `50` events back, `10m` back, or `all`. Empty: from now on. */
  readonly rewind: string;
};

/**
 * The address of a request. The cursor goes into the query: from another origin, a `Last-Event-ID` header would cost a
 * preflight with each request.
 */
export function feedAddress(
  query: FeedQuery,
  path: 'stream' | 'events',
  more: {
    readonly after?: string | null;
    readonly wait?: number;
    readonly heartbeat?: number;
    /** For how long the reader has had no event, in seconds. It says that the reader can rest. */
    readonly quiet?: number | undefined;
    /** The pause of a reader at rest before its poll, in seconds. */
    readonly rest?: number;
    readonly before?: string;
    readonly limit?: number;
    /** Makes the address a new one, for a cache that keeps what it must not. The server ignores it. */
    readonly fresh?: number;
  },
): string {
  // Without `URLSearchParams`: React Native's has no more than `append`, and does not encode.
  const search: string[] = [];
  const add = (name: string, value: string | number) => search.push(`${name}=${encodeURIComponent(value)}`);
  for (const channel of query.channels) add('channel', channel);
  for (const type of query.types) add('type', type);
  if (more.before !== undefined) add('before', more.before);
  else if (more.after) add('after', more.after);
  else if (query.rewind !== '') add('rewind', query.rewind);
  if (more.heartbeat) add('heartbeat', more.heartbeat);
  if (more.quiet !== undefined) add('quiet', more.quiet);
  if (more.wait) add('wait', more.wait);
  if (more.rest) add('rest', more.rest);
  if (more.limit) add('limit', more.limit);
  if (more.fresh) add('fresh', more.fresh);
  return `${query.url.replace(/\/$/, '')}/api/${path}${query.pathEnd}?${search.join('&')}`;
}

/** Everything that one request needs. */
export type FeedRequest = {
  readonly address: string;
  readonly token: string | null;
  readonly channels: readonly string[];
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  /** Unix time in ms, to read a `Retry-After` that is a date. */
  now(): number;
};

/** Sends a request. Nothing is taken from a cache: a cache would return an old state. */
export function send({ address, token, signal, fetch }: FeedRequest, accept: string): Promise<Response> {
  const headers: Record<string, string> = { accept: `${accept}, application/problem+json` };
  if (token !== null) headers.authorization = `Bearer ${token}`;
  return fetch(address, { headers, signal, cache: 'no-store' });
}

/** Most characters of a problem that the client reads. */
const maxProblemCharacters = 16_384;

/** Reads a refusal and ends its body. Never rejects. */
export async function readRefusal(response: Response, nowMs: number): Promise<Refusal> {
  const { status } = response;
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), nowMs);
  if (!response.headers.get('content-type')?.includes('json')) {
    // A body that fails while it is cancelled is gone as well.
    await response.body?.cancel().catch(() => undefined);
    return { status, retryAfterMs, problem: null };
  }
  const text = await response.text().catch(() => '');
  return { status, retryAfterMs, problem: problemOf(text.slice(0, maxProblemCharacters)) };
}

function problemOf(text: string): Problem | null {
  try {
    return readProblem(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Seconds, or an HTTP date (RFC 9110, section 10.2.3). */
function readRetryAfter(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
