import { formatPosition, type Position } from '../../core/cursor.ts';
import { type EventId, formatEventId } from '../../core/ids.ts';
import { eventFrame } from '../../core/sse-frames.ts';
import type { LogEvent } from '../../log/event-log.ts';

/** The newest entries of a channel, bounded by count and bytes. Its array is replaced only when it is trimmed. */
export type Ring = Segment & {
  /** Adds entries that continue the ring, and drops the oldest beyond its bounds. */
  append(added: readonly Entry[]): void;
  /** Empties the ring; it goes on after `base`. */
  reset(base: Position): void;
  /** Where a reader is that has passed all of it. */
  end(): Position;
  /** Bytes of the frames held. */
  bytes(): number;
};

export type RingBounds = {
  /** Entries, at most. */
  readonly maxEntries: number;
  /** Bytes of frames, at most; one entry is always kept. */
  readonly maxBytes: number;
};

/** Makes an empty ring at `base`. */
export function createRing(base: Position, { maxEntries, maxBytes }: RingBounds): Ring {
  let bytes = 0;
  let entries: Entry[] = [];
  let start = base;

  // Down to seven eighths at once, so that an append's cost stays constant on average.
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

/** Entries of one channel and one epoch without a hole, and the position just ahead of them. */
export type Segment = {
  readonly base: Position;
  readonly entries: readonly Entry[];
};

/**
 * The index in `entries` of what follows `position`; `entries.length` where the segment ends with it; -1 where the
 * segment cannot tell: another epoch, a place outside, or an id this log did not issue.
 */
export function indexAfter({ base, entries }: Segment, position: Position): number {
  if (position.epoch !== base.epoch) return -1;
  const index = position.id.seq - base.id.seq;
  const passed = index === 0 ? base.id : entries[index - 1]?.id;
  if (passed === undefined) return -1;
  const next = entries[index]?.id;
  // A position's time may be borrowed from its successor. Any other time names an event that was lost, and whose
  // seq was issued again.
  const isHere = position.id.time === passed.time || position.id.time === next?.time;
  return isHere ? index : -1;
}

/** Where a reader is that has passed all of the segment. */
export function endOf({ base, entries }: Segment): Position {
  const last = entries.at(-1);
  return last === undefined ? base : { id: last.id, epoch: base.epoch };
}

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
