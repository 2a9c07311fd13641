import { formatPosition } from '../core/cursor.ts';
import { type EventId, formatEventId } from '../core/ids.ts';
import { eventFrame } from '../core/sse-frames.ts';
import type { LogEvent } from '../log/event-log.ts';

/** An event as a process keeps it: encoded once, written to every reader as the same bytes. */
export type Entry = {
  readonly id: EventId;
  readonly type: string;
  /** The whole frame of a stream of this channel alone. */
  readonly frame: Buffer<ArrayBuffer>;
  /** Where in `frame` its `data:` line begins: what a stream of several channels writes after an `id:` of its own. */
  readonly dataAt: number;
};

const dataField = 'data: ';

/** Encodes an event of `channel`, stored in the log's `epoch`. */
export function encodeEntry(channel: string, epoch: string, event: LogEvent): Entry {
  const cursor = formatPosition({ id: event.id, epoch });
  const frame = Buffer.from(eventFrame(cursor, eventJson(channel, event)));
  return { id: event.id, type: event.type, frame, dataAt: `id: ${cursor}\n`.length };
}

/** The event as every reader gets it, as JSON on one line. Its data is not parsed again. */
export function eventJson(channel: string, { id, type, data }: LogEvent): string {
  // Channel and type are validated names and need no escaping.
  return `{"id":"${formatEventId(id)}","channel":"${channel}","type":"${type}","time":${id.time},"data":${data}}`;
}

/** The event's JSON, taken out of its frame. */
export function jsonOf(entry: Entry): string {
  return entry.frame.toString('utf8', entry.dataAt + dataField.length, entry.frame.length - 2);
}
