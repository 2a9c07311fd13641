import { formatPosition, type Position } from '../../core/cursor.ts';
import { type EventId, formatEventId } from '../../core/ids.ts';
import { eventFrame } from '../../core/sse-frames.ts';
import type { EventAttributes, LogEvent } from '../../log/event-log.ts';

/** The newest entries of a channel, limited by count and bytes. `entries` stays the same array until the ring is trimmed. */
export type Ring = Segment & {
  /** Adds entries that continue the ring, and drops the oldest ones beyond its limits. */
  append(added: readonly Entry[]): void;
  /** Empties the ring; it continues after `base`. */
  reset(base: Position): void;
  /** The position of a reader that has read all of it. */
  end(): Position;
  /** The size of all frames, in bytes. */
  bytes(): number;
};

export type RingLimits = {
  /** Most entries. */
  readonly maxEntries: number;
  /** Most bytes of frames. The newest entry is kept, however large it is. */
  readonly maxBytes: number;
};

/** Makes an empty ring that continues after `base`. */
export function createRing(base: Position, { maxEntries, maxBytes }: RingLimits): Ring {
  let bytes = 0;
  let entries: Entry[] = [];
  let start = base;

  // It trims to seven eighths at once, so that the average cost of an append stays constant.
  function trim(): void {
    if (entries.length <= maxEntries && bytes <= maxBytes) return;
    const keepEntries = Math.ceil((maxEntries * 7) / 8);
    const keepBytes = (maxBytes * 7) / 8;
    let drop = 0;
    for (const { id, frame } of entries) {
      const kept = entries.length - drop;
      if (kept === 1 || (kept <= keepEntries && bytes <= keepBytes)) break;
      bytes -= frame.length;
      start = { id, epoch: start.epoch };
      drop += 1;
    }
    entries = entries.slice(drop);
  }

  const ring: Ring = {
    get base() {
      return start;
    },
    get entries() {
      return entries;
    },
    append(added) {
      for (const entry of added) {
        entries.push(entry);
        bytes += entry.frame.length;
      }
      trim();
    },
    reset(next) {
      start = next;
      entries = [];
      bytes = 0;
    },
    end: () => endOf(ring),
    bytes: () => bytes,
  };
  return ring;
}

/** Entries of one channel and one epoch without a hole, and the position just before them. */
export type Segment = {
  readonly base: Position;
  readonly entries: readonly Entry[];
};

/**
 * The index in `entries` of the event that follows `position`; `entries.length` if the segment ends at the position; -1 if
 * the segment cannot know what follows: the position has another epoch, lies outside, or has an id this log never issued.
 */
export function indexAfter({ base, entries }: Segment, position: Position): number {
  if (position.epoch !== base.epoch) return -1;
  const index = position.id.seq - base.id.seq;
  const passed = index === 0 ? base.id : entries[index - 1]?.id;
  if (passed === undefined) return -1;
  const next = entries[index]?.id;
  // The position before a trimmed event carries that event's time. Any other time means that the event at the position
  // was lost, and its number issued again.
  const isHere = position.id.time === passed.time || position.id.time === next?.time;
  return isHere ? index : -1;
}

/** The position of a reader that has read all of the segment. */
export function endOf({ base, entries }: Segment): Position {
  const last = entries.at(-1);
  return last === undefined ? base : { id: last.id, epoch: base.epoch };
}

/** An event in memory: encoded once, and written to every reader as the same bytes. */
export type Entry = {
  readonly id: EventId;
  readonly type: string;
  /** What the event is about; null: it names nothing. */
  readonly subject: string | null;
  /** The channel ends with this event. */
  readonly isEnd: boolean;
  /** The whole frame, as a stream of this channel alone writes it. */
  readonly frame: Buffer<ArrayBuffer>;
  /** The index of the `data:` line in `frame`. A stream of several channels writes its own `id:` line before that one. */
  readonly dataAt: number;
};

const dataField = 'data: ';
const encoder = new TextEncoder();

/** Encodes an event of `channel` that the log stored in `epoch`. */
export function encodeEntry(channel: string, epoch: string, event: LogEvent): Entry {
  const cursor = formatPosition({ id: event.id, epoch });
  // `Buffer.from(text)` would take a part of Node's pool, and each frame could then hold 64 KiB alive.
  const { buffer } = encoder.encode(eventFrame(cursor, eventJson(channel, event)));
  const frame = Buffer.from(buffer);
  const { id, type, attributes } = event;
  return {
    id,
    type,
    subject: attributes?.subject ?? null,
    isEnd: attributes?.end === true,
    frame,
    dataAt: `id: ${cursor}\n`.length,
  };
}

/** The JSON of an event as every reader gets it. The data is JSON already and is not parsed again. */
export function eventJson(channel: string, { id, type, attributes, data }: LogEvent): string {
  // Channel and type are validated names and need no escaping; neither does a subject.
  const head = `{"id":"${formatEventId(id)}","channel":"${channel}","type":"${type}",`;
  const more = attributes === undefined ? '' : attributesJson(attributes, id);
  return `${head}${more}"time":${id.time},"data":${data}}`;
}

function attributesJson({ subject, remove, ttlMs, end }: EventAttributes, { time }: EventId): string {
  const members = [
    subject === undefined ? '' : `"subject":"${subject}",`,
    remove === undefined ? '' : '"remove":true,',
    ttlMs === undefined ? '' : `"expiresAt":${time + ttlMs},`,
    end === undefined ? '' : '"end":true,',
  ];
  return members.join('');
}

/** The JSON of the event, taken from its frame. */
export function jsonOf(entry: Entry): string {
  return entry.frame.toString('utf8', entry.dataAt + dataField.length, entry.frame.length - 2);
}

/** Which events a reader wants: those that fit both. */
export type EventFilter = {
  /** Null: all types. */
  readonly types: ReadonlySet<string> | null;
  /** Null: all subjects, and events without one. */
  readonly subjects: ReadonlySet<string> | null;
};

/** The filter for these types and subjects; null: the reader wants every event. */
export function filterFor(types: readonly string[], subjects: readonly string[]): EventFilter | null {
  if (types.length === 0 && subjects.length === 0) return null;
  return {
    types: types.length === 0 ? null : new Set(types),
    subjects: subjects.length === 0 ? null : new Set(subjects),
  };
}

/** Whether a reader gets the event. @param filter null: it wants every event. */
export function isWanted(filter: EventFilter | null, event: Entry | LogEvent): boolean {
  if (filter === null) return true;
  const { types, subjects } = filter;
  if (types !== null && !types.has(event.type)) return false;
  if (subjects === null) return true;
  const subject = 'subject' in event ? event.subject : (event.attributes?.subject ?? null);
  return subject !== null && subjects.has(subject);
}
