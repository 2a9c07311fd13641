import type { Position } from '../../core/cursor.ts';
import type { FeedEvent } from '../../core/event.ts';
import { type FeedQuery, type FeedRequest, feedAddress, readRefusal, send } from '../transport/http.ts';
import type { Refusal } from '../transport/messages.ts';
import { positionOf, readCursorOf, readEvent, readList, readRecord } from '../transport/wire.ts';

/** One page of the state of a channel, as docs/protocol.md describes it. */
export type StatePage = {
  readonly events: readonly FeedEvent[];
  /** The cursor at which all pages together are true, as the server wrote it. */
  readonly cursor: string;
  readonly position: Position;
  /** Where the next page begins; null: this is the last one. */
  readonly next: string | null;
  /** The channel has ended at the cursor. */
  readonly hasEnded: boolean;
};

export type StateAnswer =
  /** `time`: when the server sent it, Unix time in ms by its clock; NaN: the server does not say. */
  | { readonly kind: 'page'; readonly page: StatePage; readonly time: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'failed' };

/** Most latest events in one page. */
const limit = 500;

/** The address of a page. @param next where it begins; empty: the first page. @param after the cursor of the first page. */
export function stateAddress(query: FeedQuery, next: string, after: string | null): string {
  const address = feedAddress({ ...query, rewind: '' }, 'events', { after, limit });
  return `${address}&latest${next === '' ? '' : `=${next}`}`;
}

/** Asks for one page. Never rejects. */
export async function readStatePage(request: FeedRequest): Promise<StateAnswer> {
  try {
    const response = await send(request, 'application/json');
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    if (response.status !== 200 || !isJson)
      return { kind: 'refused', refusal: await readRefusal(response, request.now()) };
    const time = Number(response.headers.get('feed-time') || Number.NaN);
    return { kind: 'page', page: parseStatePage(await response.json(), request.channels), time };
  } catch {
    return { kind: 'failed' };
  }
}

/** Checks a page. @throws FeedError `bad-request` */
export function parseStatePage(value: unknown, channels: readonly string[]): StatePage {
  const { cursor: text, events, more, next, ended } = readRecord(value, 'page');
  const cursor = readCursorOf(channels, text, 'page');
  const [channel = ''] = channels;
  const position = positionOf(cursor, { channel } as FeedEvent);
  const found = readList(events, 'page').flatMap((each) => {
    const item = readEvent(each, cursor);
    return item.kind === 'event' ? [item.event] : [];
  });
  return {
    ...{ events: found, cursor: String(text), position },
    next: more === true ? String(next) : null,
    hasEnded: ended === true,
  };
}
