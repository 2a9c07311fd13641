import type { Gap } from '../../core/continuity.ts';
import { type Cursor, type Position, readCursor } from '../../core/cursor.ts';
import type { FeedEvent } from '../../core/event.ts';
import { FeedError } from '../../core/feed-error.ts';
import { type EventId, readEventId } from '../../core/ids.ts';
import type { Problem } from '../../core/sse-frames.ts';
import type { FeedItem } from './feed-items.ts';

/** @throws FeedError `bad-request`, always: the wire contract says what would have been right. */
export function refuse(what: string): never {
  throw new FeedError('bad-request', `${what}: not what the wire contract says`);
}

/** Gives an object back. @throws FeedError `bad-request` for anything else. */
export function readRecord(value: unknown, what: string): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : refuse(what);
}

/** @throws FeedError `bad-request` */
export function readId(value: unknown): EventId {
  return readEventId(String(value)) ?? refuse(`id ${value}`);
}

/** @param what names the part in the error. @throws FeedError `bad-request` */
export function readCursorOf(channels: readonly string[], value: unknown, what: string): Cursor {
  return readCursor(String(value), channels, (_, part) => refuse(`${what}: ${part}`));
}

/** Checks what came as an event. @param cursor of its source: names the channels that were asked for. @throws FeedError `bad-request` */
export function readEvent(value: unknown, cursor: Cursor): FeedItem {
  const event = readRecord(value, 'event') as FeedEvent;
  return { kind: 'event', event, position: { id: readId(event.id), epoch: positionOf(cursor, event).epoch } };
}

/** Where a source is in the channel of what it told. @throws FeedError `bad-request` for a channel it does not name. */
export function positionOf(cursor: Cursor, { channel }: FeedEvent | Gap): Position {
  return cursor.get(channel) ?? refuse(`channel ${channel}`);
}

/** Checks what came as a gap. @throws FeedError `bad-request` */
export function readGap(value: unknown): Gap {
  const gap = readRecord(value, 'gap') as Gap;
  readId(gap.after);
  if (gap.resumesAt !== null) readId(gap.resumesAt);
  return gap.reason === 'trimmed' || gap.reason === 'restarted' ? gap : refuse(`gap ${gap.reason}`);
}

/** An answer that is not what was asked for. */
export type Refusal = {
  /** The HTTP status; 200 when only the content type was wrong. */
  readonly status: number;
  /** `Retry-After` in ms; null without one. */
  readonly retryAfterMs: number | null;
  /** What the server said of it; null when it said nothing that can be shown. */
  readonly problem: Problem | null;
};

/** Whether something else than the feed may have answered: a proxy, a captive portal, a server in trouble. A 429 is the feed's. */
export function isUnexpected({ status }: Refusal): boolean {
  return status !== 429;
}

/** Longest problem text that is read, in characters. */
const maxProblem = 16_384;

/** Reads an unwanted answer, and lets its body go. Never rejects: a body that cannot be read says nothing. */
export async function readRefusal(response: Response, nowMs: number): Promise<Refusal> {
  const { status } = response;
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), nowMs);
  if (!response.headers.get('content-type')?.includes('json')) {
    await response.body?.cancel().catch(ignore);
    return { status, retryAfterMs, problem: null };
  }
  const text = await response.text().catch(() => '');
  return { status, retryAfterMs, problem: readProblem(text.slice(0, maxProblem)) };
}

/** A body that fails while it is being let go is gone all the same. */
function ignore(): void {}

function readProblem(text: string): Problem | null {
  try {
    const problem: unknown = JSON.parse(text);
    const isProblem =
      typeof problem === 'object' && problem !== null && 'title' in problem && 'detail' in problem;
    return isProblem ? (problem as Problem) : null;
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
