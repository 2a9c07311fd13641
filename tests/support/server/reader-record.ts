import type { Gap } from '../../../lib/core/continuity.ts';
import { type Cursor, formatPosition, type Position, parseCursor } from '../../../lib/core/cursor.ts';
import type { FeedEvent, FeedPage } from '../../../lib/core/event.ts';
import { compareEventIds, formatEventId, idBefore, parseEventId } from '../../../lib/core/ids.ts';
import type { MemoryLog, Stored } from './memory-log.ts';

/** What one reader received, compared with the log at every step. */
export type ReaderRecord = {
  /** Where to continue; null before the first hello or page. */
  cursor(): string | null;
  hello(cursor: string): void;
  event(cursor: string, event: FeedEvent): void;
  gap(cursor: string, gap: Gap): void;
  /** A heartbeat or a handover: the connection's position, and nothing else. */
  note(cursor: string): void;
  page(page: FeedPage): void;
  has(event: Stored): boolean;
  /** Throws unless the reader received every kept event since it joined. */
  isComplete(): void;
  /** How many events and gaps it received. */
  readonly taken: { events: number; gaps: number };
};

/** The log, and how many accidents each channel has had: a gap `restarted` needs one. */
export type Truth = { readonly log: MemoryLog; accidents(channel: string): number };

type Track = {
  /** Null: a page does not say where a gap without `resumesAt` leads. */
  position: Position | null;
  /** Everything up to this serial was stored before the reader joined. */
  joinedSerial: number;
  isAfterGap: boolean;
  restartsLeft: number;
  readonly received: Set<number>;
};

/** Creates a record. @param types the reader's filter; null: all. */
export function createReaderRecord(
  { log, accidents }: Truth,
  channels: readonly string[],
  types: ReadonlySet<string> | null,
): ReaderRecord {
  const tracks = new Map<string, Track>();
  const index = new Map<string, Stored>();
  let indexed = 0;
  let lastCursor: string | null = null;
  const taken = { events: 0, gaps: 0 };
  const seenAccidents = new Map<string, number>();

  function find(channel: string, { id, epoch }: Position): Stored | null {
    for (; indexed < log.stored.length; indexed++) {
      const event = log.stored[indexed];
      if (event) index.set(`${event.channel}@${formatPosition(event)}`, event);
    }
    return index.get(`${channel}@${formatPosition({ id, epoch })}`) ?? null;
  }

  function trackOf(channel: string): Track {
    const track = tracks.get(channel);
    if (track === undefined) throw new Error(`${channel}: hello did not have it`);
    return track;
  }

  const isWanted = (event: Stored) => types === null || types.has(event.type);
  const isKept = (event: Stored) => log.kept(event.channel).includes(event);
  const parse = (cursor: string): Cursor => parseCursor(cursor, channels, 'id');

  /** Throws if the reader got neither an event before `event` nor a gap for it. */
  function checkLine(track: Track, event: Stored | null, hasGap: boolean): void {
    for (let at = event?.parent ?? null; at !== null; at = at.parent) {
      if (at.serial <= track.joinedSerial || track.received.has(at.serial)) return;
      if (!isWanted(at)) continue;
      const name = `${at.channel}@${formatPosition(at)}`;
      if (!hasGap) throw new Error(`${name} was skipped in silence`);
      if (isKept(at)) throw new Error(`${name} was reported lost, but is kept`);
    }
  }

  function isOnLine(channel: string, event: Stored): boolean {
    for (let at = log.kept(channel).at(-1) ?? null; at !== null; at = at.parent)
      if (at === event) return true;
    return false;
  }

  /** Compares the positions that a frame has for the other channels with what the reader received. */
  function checkOthers(cursor: Cursor, but: string | null): void {
    for (const [channel, position] of cursor) {
      const track = trackOf(channel);
      if (channel === but) continue;
      const known = track.position;
      if (known !== null && types === null && compareEventIds(known.id, position.id) !== 0) {
        throw new Error(
          `${channel}: the frame has position ${formatPosition(position)}, the reader is at ${formatPosition(known)}`,
        );
      }
      if (known !== null && known.epoch !== null && known.epoch !== position.epoch) {
        throw new Error(`${channel}: the epoch changed without a gap`);
      }
      track.position = position;
    }
  }

  function join(channel: string, position: Position): void {
    let joinedSerial = 0;
    for (const event of log.stored) {
      const isPassed = event.channel === channel && event.epoch === position.epoch;
      if (isPassed && compareEventIds(event.id, position.id) <= 0) joinedSerial = event.serial;
    }
    tracks.set(channel, {
      position,
      joinedSerial,
      isAfterGap: false,
      restartsLeft: 0,
      received: new Set(),
    });
    // The server may not have noticed the latest accident yet.
    seenAccidents.set(channel, accidents(channel) - 1);
  }

  function takeEvent(event: FeedEvent, position: Position): void {
    const track = trackOf(event.channel);
    const stored = find(event.channel, position);
    const name = `${event.channel}@${formatPosition(position)}`;
    if (stored === null) throw new Error(`${name} was never stored`);
    if (event.id !== formatEventId(position.id)) throw new Error(`${name} carries the id ${event.id}`);
    if (JSON.stringify(event.data) !== stored.data || event.type !== stored.type) {
      throw new Error(`${name} is not what was stored`);
    }
    if (!isWanted(stored)) throw new Error(`${name} was not asked for`);
    if (stored.serial <= track.joinedSerial) throw new Error(`${name} is older than the reader`);
    if (track.received.has(stored.serial)) throw new Error(`${name} was sent twice`);
    const from = track.position;
    if (from !== null) {
      const isNext = types === null ? position.id.seq === from.id.seq + 1 : position.id.seq > from.id.seq;
      const isSameEpoch = from.epoch === null || from.epoch === position.epoch;
      if (!isNext || !isSameEpoch) throw new Error(`${name} came after ${formatPosition(from)}`);
    }
    checkLine(track, stored, track.isAfterGap);
    track.received.add(stored.serial);
    track.isAfterGap = false;
    track.position = position;
    taken.events += 1;
  }

  function takeGap(gap: Gap, position: Position | null): void {
    const track = trackOf(gap.channel);
    const after = parseEventId(gap.after, 'after');
    const name = `${gap.channel}: gap ${JSON.stringify(gap)} after ${track.position && formatPosition(track.position)}`;
    const isFiltered = types !== null;
    if (track.position !== null && !isFiltered && compareEventIds(after, track.position.id) !== 0) {
      throw new Error(`${name} begins elsewhere`);
    }
    const next = gap.resumesAt === null ? null : parseEventId(gap.resumesAt, 'resumesAt');
    if (gap.reason === 'trimmed') {
      const isExact = next !== null && gap.missed === next.seq - after.seq - 1;
      if (!isExact) throw new Error(`${name} is not exact`);
      const epoch = track.position?.epoch ?? null;
      if (epoch !== null && position !== null && position.epoch !== epoch)
        throw new Error(`${name}: other epoch`);
    } else {
      const epoch = track.position?.epoch ?? null;
      const passed = epoch === null ? null : find(gap.channel, { id: after, epoch });
      if (passed !== null && isOnLine(gap.channel, passed))
        throw new Error(`${name}: the log has not restarted`);
      const seen = seenAccidents.get(gap.channel) ?? 0;
      if (seen >= accidents(gap.channel)) throw new Error(`${name}: there was no accident`);
      seenAccidents.set(gap.channel, seen + 1);
    }
    if (gap.exact !== (gap.missed !== null && !isFiltered)) throw new Error(`${name}: "exact" is wrong`);
    if (next !== null && position !== null && position.epoch !== null) {
      const first = find(gap.channel, { id: next, epoch: position.epoch });
      if (first === null) throw new Error(`${name} leads to what was never stored`);
      checkLine(track, first, true);
    }
    track.isAfterGap = true;
    track.position = position;
    taken.gaps += 1;
  }

  return {
    cursor: () => lastCursor,
    taken,
    hello(cursor) {
      const positions = parse(cursor);
      for (const channel of channels) {
        const position = positions.get(channel);
        if (position === undefined) throw new Error(`${channel}: hello has no position`);
        if (!tracks.has(channel)) join(channel, position);
      }
      checkOthers(positions, null);
      lastCursor = cursor;
    },
    event(cursor, event) {
      const positions = parse(cursor);
      const position = positions.get(event.channel);
      if (position === undefined) throw new Error(`${event.channel}: no position in ${cursor}`);
      checkOthers(positions, event.channel);
      takeEvent(event, position);
      lastCursor = cursor;
    },
    gap(cursor, gap) {
      const positions = parse(cursor);
      checkOthers(positions, gap.channel);
      takeGap(gap, positions.get(gap.channel) ?? null);
      lastCursor = cursor;
    },
    note(cursor) {
      checkOthers(parse(cursor), null);
      lastCursor = cursor;
    },
    page(page) {
      const positions = parse(page.cursor);
      for (const channel of channels) {
        const position = positions.get(channel);
        if (position === undefined) throw new Error(`${channel}: the page has no position`);
        for (const gap of page.gaps.filter((found) => found.channel === channel)) {
          const next = gap.resumesAt === null ? null : parseEventId(gap.resumesAt, 'resumesAt');
          takeGap(gap, next === null ? null : { id: idBefore(next), epoch: position.epoch });
        }
        for (const event of page.events.filter((found) => found.channel === channel)) {
          takeEvent(event, { id: parseEventId(event.id, 'id'), epoch: position.epoch });
        }
        const track = trackOf(channel);
        if (types !== null || track.position === null) track.position = position;
      }
      checkOthers(positions, null);
      lastCursor = page.cursor;
    },
    has: (event) => tracks.get(event.channel)?.received.has(event.serial) === true,
    isComplete() {
      for (const channel of channels) {
        const { joinedSerial, received } = trackOf(channel);
        for (const event of log.kept(channel)) {
          const isDue = isWanted(event) && event.serial > joinedSerial;
          if (isDue && !received.has(event.serial)) {
            throw new Error(`${channel}@${formatPosition(event)} is kept, but was not sent`);
          }
        }
      }
    },
  };
}
