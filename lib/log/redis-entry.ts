import { createHash } from 'node:crypto';
import { isEpoch } from '../core/cursor.ts';
import { type EventId, idAfter, parseEventId } from '../core/event-id.ts';
import { isName } from '../core/name.ts';
import type { LogEvent, NewEvent } from './event-log.ts';

/** The stream that holds a channel. */
export function streamKey(channel: string): string {
  return `steadfeed:log:${channel}`;
}

/** The record of an idempotency key; hashed, so that its length is bounded and what a publisher wrote is not kept. */
export function recordKey(name: string): string {
  return `steadfeed:key:${createHash('sha256').update(name).digest('hex')}`;
}

/** The pub/sub channel on which a channel's new events are announced. */
export function announcementsOf(channel: string): string {
  return `steadfeed:${channel}`;
}

/** An event as text, the form in which it is stored and announced. A type needs no escaping: see `isName`. */
export function writeEntry({ type, data }: NewEvent): string {
  return `{"type":"${type}","data":${data}}`;
}

const entryPattern = /^\{"type":"([^"\\]+)","data":(.+)\}$/s;

/** Reads what `writeEntry` wrote; the data are cut out, not parsed. @throws Error on any other text. */
export function readEntry(id: EventId, text: string): LogEvent {
  const [, type, data] = entryPattern.exec(text) ?? [];
  if (type === undefined || data === undefined) throw new Error('an entry is not an event');
  return { id, type, data };
}

/** New events of one append, as they are announced. */
export type Announcement = { readonly epoch: string; readonly events: readonly LogEvent[] };

/**
 * Reads an announcement, `{"epoch","id":"<the first>","events":[{"type","data"}, …]}`; null where it is none.
 * The data are written anew, equal to what was stored: `JSON.stringify` gives its own text back.
 */
export function readAnnouncement(text: string): Announcement | null {
  try {
    const { epoch, id, events } = JSON.parse(text);
    const first = parseEventId(id, 'id');
    if (!isEpoch(epoch) || events.length === 0) return null;
    return { epoch, events: events.map((event: unknown, index: number) => toEvent(first, index, event)) };
  } catch {
    // Anybody may publish on the channel. A text that cannot be read is told as `unsure` by the caller.
    return null;
  }
}

function toEvent(first: EventId, index: number, event: unknown): LogEvent {
  const { type, data } = event as { type: unknown; data: unknown };
  if (!isName(type) || data === undefined) throw new Error('an announced event is none');
  return { id: idAfter(first, index), type, data: JSON.stringify(data) };
}
