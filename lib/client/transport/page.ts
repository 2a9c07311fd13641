import type { Gap } from '../../core/continuity.ts';
import type { Cursor, Position } from '../../core/cursor.ts';
import { compareEventIds, idBefore } from '../../core/ids.ts';
import { type FeedRequest, readRefusal, send } from './http.ts';
import type { FeedItem, Page, Refusal } from './messages.ts';
import { readCursorOf, readEvent, readGap, readId, readList, readPollAdvice, readRecord } from './wire.ts';

export type PageAnswer =
  /** `time`: when the server sent it, Unix time in ms by its clock; NaN: the server does not say. */
  | { readonly kind: 'page'; readonly page: Page; readonly time: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The connection was lost or never made, or what came is no page. */
  | { readonly kind: 'failed' };

/** Reads one page: a poll, a long poll, or a page of history. Never rejects. */
export async function readPage(request: FeedRequest): Promise<PageAnswer> {
  try {
    const response = await send(request, 'application/json');
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    if (response.status !== 200 || !isJson) {
      return { kind: 'refused', refusal: await readRefusal(response, request.now()) };
    }
    const time = Number(response.headers.get('feed-time') || Number.NaN);
    return { kind: 'page', page: parsePage(await response.json(), request.channels), time };
  } catch {
    // A broken network and a malformed page need the same: ask again.
    return { kind: 'failed' };
  }
}

/** Checks a page, and puts each gap where it belongs among the events. @throws FeedError `bad-request` */
export function parsePage(value: unknown, channels: readonly string[]): Page {
  const page = readRecord(value, 'page');
  const cursor = readCursorOf(channels, page.cursor, 'page');
  const items = readList(page.events, 'page').map((each) => readEvent(each, cursor));
  for (const each of readList(page.gaps, 'page')) placeGap(items, readGap(each), cursor);
  return {
    items,
    cursor,
    more: page.more === true,
    hasEnded: page.ended === true,
    advice: readPollAdvice(page.poll),
  };
}

/** A gap comes before the first event of its channel at which the log goes on, or last if there is none yet. */
function placeGap(items: FeedItem[], gap: Gap, cursor: Cursor): void {
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
