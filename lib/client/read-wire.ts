import { type Cursor, readCursor } from '../core/cursor.ts';
import { type EventId, readEventId } from '../core/event-id.ts';
import { FeedError } from '../core/feed-error.ts';
import type { FeedEvent } from '../core/feed-event.ts';
import type { Gap } from '../core/gap.ts';

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

/** Checks what came as an event of one of `channels`. @throws FeedError `bad-request` */
export function readEvent(value: unknown, channels: readonly string[]): { event: FeedEvent; id: EventId } {
  const event = readRecord(value, 'event') as FeedEvent;
  const id = readId(event.id);
  return channels.includes(event.channel) ? { event, id } : refuse(`channel ${event.channel}`);
}

/** Checks what came as a gap. @throws FeedError `bad-request` */
export function readGap(value: unknown): Gap {
  const gap = readRecord(value, 'gap') as Gap;
  readId(gap.after);
  if (gap.resumesAt !== null) readId(gap.resumesAt);
  return gap.reason === 'trimmed' || gap.reason === 'restarted' ? gap : refuse(`gap ${gap.reason}`);
}
