import { type Continuity, checkContinuity, type Loss } from '../../core/continuity.ts';
import { formatPosition, type Position } from '../../core/cursor.ts';
import { beforeFirst, type EventId, idBefore } from '../../core/ids.ts';
import { type EventLog, type LogEvent, maxRead } from '../../log/event-log.ts';
import { type Entry, encodeEntry, indexAfter, type Segment } from './ring-buffer.ts';

/** Pages of the log for readers behind the ring. Each page is read once, however many readers want it. */
export type PageCache = {
  /** A page in memory with events after `position`; null: there is none. */
  find(position: Position): Segment | null;
  /** Reads the page after `position`, in one read for all who ask for it at the same time. */
  load(position: Position): Promise<Loaded>;
  clear(): void;
};

const maxPages = 8;
const maxBytes = 4 * 1024 * 1024;

/** The size a page should have: one chunk of a stream, and some more. */
const aimBytes = 512 * 1024;

/** @param read reads at most `limit` events after a position. */
export function createPageCache(read: (position: Position, limit: number) => Promise<Loaded>): PageCache {
  const underWay = new Map<string, Promise<Loaded>>();
  let pages: Segment[] = [];
  let limit = 200;

  function keep(segment: Segment): void {
    const size = sizeOf(segment.entries);
    limit = Math.min(500, Math.max(8, Math.floor(aimBytes / (size / segment.entries.length))));
    pages = [...pages.slice(1 - maxPages), segment];
    let held = 0;
    for (const page of pages) held += sizeOf(page.entries);
    while (held > maxBytes && pages.length > 1) {
      const [oldest] = pages;
      if (oldest !== undefined) held -= sizeOf(oldest.entries);
      pages = pages.slice(1);
    }
  }

  async function readAndKeep(position: Position, key: string): Promise<Loaded> {
    try {
      const loaded = await read(position, limit);
      if (loaded.kind === 'segment' && loaded.segment.entries.length > 0) keep(loaded.segment);
      return loaded;
    } finally {
      underWay.delete(key);
    }
  }

  return {
    find(position) {
      for (const page of pages) {
        const index = indexAfter(page, position);
        if (index >= 0 && index < page.entries.length) return page;
      }
      return null;
    },
    load(position) {
      const key = formatPosition(position);
      const known = underWay.get(key);
      if (known !== undefined) return known;
      const loading = readAndKeep(position, key);
      underWay.set(key, loading);
      return loading;
    },
    clear() {
      pages = [];
    },
  };
}

function sizeOf(entries: readonly Entry[]): number {
  let size = 0;
  for (const { frame } of entries) size += frame.length;
  return size;
}

/** What the log has for a reader at a position: events, a loss, or an answer that may be stale. */
export type Loaded =
  | {
      readonly kind: 'segment';
      /** Events that follow without a hole; none if the reader has all of them. */
      readonly segment: Segment;
      /** The log has more events after them. */
      readonly more: boolean;
      /** The channel has ended, with the last of these events or a later one. */
      readonly hasEnded: boolean;
    }
  | Loss
  | StaleAnswer;

/** The answer may be stale: read again for up to `maxReplicaLagMs`; after that, `otherwise` is true. */
export type StaleAnswer = Extract<Continuity, { kind: 'stale' }>;

/**
 * Reads a page after `position` and judges it.
 * @param newestKnown the newest id announced for the channel; an answer that does not reach it declares no loss.
 * @param limit events, 1 to 500.
 */
export async function loadPage(
  log: EventLog,
  channel: string,
  position: Position,
  newestKnown: EventId | null,
  limit: number,
): Promise<Loaded> {
  const { state, events } = await log.read(channel, { kind: 'after', id: position.id }, limit);
  const next = events[0]?.id ?? null;
  const verdict = checkContinuity({ position, state, next, newestKnown });
  if (verdict.kind !== 'continue') return verdict;
  if (state === null) {
    return { kind: 'segment', segment: { base: position, entries: [] }, more: false, hasEnded: false };
  }
  const base = { id: position.id, epoch: state.epoch };
  const entries: Entry[] = [];
  for (const event of events) {
    // A hole inside the page is judged when the next page begins at it.
    if (event.id.seq !== position.id.seq + entries.length + 1) break;
    entries.push(encodeEntry(channel, state.epoch, event));
  }
  const end = entries.at(-1)?.id ?? position.id;
  const more = end.seq < state.last.seq;
  return { kind: 'segment', segment: { base, entries }, more, hasEnded: state.ended === true };
}

/** Reads the newest events of a channel. A segment has no room for a hole, so it begins after the last one. */
export async function loadNewest(log: EventLog, channel: string): Promise<Segment> {
  const { state, events } = await log.read(channel, { kind: 'newest' }, maxRead);
  const kept = afterLastHole(events);
  const [first] = kept;
  if (state === null || first === undefined) return { base: { id: beforeFirst, epoch: null }, entries: [] };
  const { epoch } = state;
  const entries = kept.map((event) => encodeEntry(channel, epoch, event));
  return { base: { id: idBefore(first.id), epoch }, entries };
}

function afterLastHole(events: readonly LogEvent[]): readonly LogEvent[] {
  const isAfterHole = (event: LogEvent, index: number) =>
    event.id.seq !== (events[index - 1]?.id.seq ?? 0) + 1;
  return events.slice(Math.max(0, events.findLastIndex(isAfterHole)));
}
