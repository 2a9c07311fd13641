import type { Gap } from '../core/continuity.ts';
import { type Cursor, type Position, readCursor } from '../core/cursor.ts';
import type { FeedEvent } from '../core/event.ts';
import { FeedError } from '../core/feed-error.ts';
import { type EventId, readEventId } from '../core/ids.ts';
import type { FeedItem } from './feed-item.ts';

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
