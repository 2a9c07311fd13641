import type { Cursor, Position } from '../../core/cursor.ts';
import { defaultPollAdvice, type PollAdvice } from '../../core/event.ts';
import { compareEventIds, idBefore } from '../../core/ids.ts';
import type { FeedItem } from './feed-items.ts';
import {
  feedRequest,
  type Refusal,
  readCursorOf,
  readEvent,
  readGap,
  readId,
  readRecord,
  readRefusal,
  refuse,
} from './wire.ts';

/** A page, checked; its events and gaps in the order in which a reader takes them. */
export type Page = {
  readonly items: readonly FeedItem[];
  readonly cursor: Cursor;
  readonly more: boolean;
  readonly advice: PollAdvice;
};

export type PageAnswer =
  | { readonly kind: 'page'; readonly page: Page }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The connection broke, was never made, or carried what is not a page of this contract. */
  | { readonly kind: 'failed' };

export type PageRequest = {
  readonly address: string;
  readonly token: string | null;
  readonly channels: readonly string[];
  readonly signal: AbortSignal;
  readonly fetch: typeof fetch;
  /** Unix time in ms, to read a `Retry-After` that is a date. */
  now(): number;
};

/** Reads one page: a poll, a long poll, or a page of history. Never rejects. */
export async function readPage(request: PageRequest): Promise<PageAnswer> {
  try {
    const init = feedRequest('application/json', request.token, request.signal);
    const response = await request.fetch(request.address, init);
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    if (response.status !== 200 || !isJson) {
      return { kind: 'refused', refusal: await readRefusal(response, request.now()) };
    }
    return { kind: 'page', page: parsePage(await response.json(), request.channels) };
  } catch {
    // A broken network and a broken page are one thing to the reader: ask again.
    return { kind: 'failed' };
  }
}

/** Checks a page and puts its gaps in place. @throws FeedError `bad-request` */
export function parsePage(value: unknown, channels: readonly string[]): Page {
  const wire = readRecord(value, 'page');
  const { events, gaps } = wire;
  if (!Array.isArray(events) || !Array.isArray(gaps)) return refuse('page');
  const cursor = readCursorOf(channels, wire.cursor, 'page');
  const items = events.map((each) => readEvent(each, cursor));
  for (const each of gaps) placeGap(items, readGap(each), cursor);
  return { items, cursor, more: wire.more === true, advice: readAdvice(wire.poll) };
}

/** A gap stands ahead of the first event of its channel that is at or after the place where the log goes on. */
function placeGap(items: FeedItem[], gap: ReturnType<typeof readGap>, cursor: Cursor): void {
  const resumesAt = gap.resumesAt === null ? null : readId(gap.resumesAt);
  const end: Position = cursor.get(gap.channel) ?? { id: readId(gap.after), epoch: null };
  const position = resumesAt === null ? end : { id: idBefore(resumesAt), epoch: end.epoch };
  const index = items.findIndex(
    (item) =>
      resumesAt !== null &&
      item.kind === 'event' &&
      item.event.channel === gap.channel &&
      compareEventIds(item.position.id, resumesAt) >= 0,
  );
  items.splice(index === -1 ? items.length : index, 0, { kind: 'gap', gap, position });
}

/** Advice beyond these bounds is not followed: a page must neither spin nor fall asleep by a mistake elsewhere. */
function readAdvice(value: unknown): PollAdvice {
  const { waitSeconds, everyMs } = { ...defaultPollAdvice, ...(value as object) };
  return { waitSeconds: within(waitSeconds, 20), everyMs: within(everyMs, 60_000) };
}

function within(value: number, most: number): number {
  return Math.min(most, Math.max(0, Number(value) || 0));
}
