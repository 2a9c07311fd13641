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

/** The number kept of a rate limit's name. */
export function rateKey(name: string): string {
  return `steadfeed:rate:${name}`;
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
  if (!isName(type) || data === undefined) throw new Error('an entry is not an event');
  return { id, type, data };
}

/** New events of one append, as they are announced. */
export type Announcement = { readonly epoch: string; readonly events: readonly LogEvent[] };

/**
 * Reads an announcement, `<epoch> <id of the first> <entry> <entry> …`, parted by tabs; null where it is none. No
 * entry holds a tab: JSON escapes it. So nothing is parsed and written anew, which would also reorder keys.
 */
export function readAnnouncement(text: string): Announcement | null {
  const [epoch = '', id = '', ...entries] = text.split('\t');
  if (!isEpoch(epoch) || entries.length === 0) return null;
  try {
    const first = parseEventId(id, 'id');
    return { epoch, events: entries.map((entry, index) => readEntry(idAfter(first, index), entry)) };
  } catch {
    // Anybody with the token may publish on the channel. A text that cannot be read is told as `unsure` by the caller.
    return null;
  }
}
