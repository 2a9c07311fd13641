import type { LogState } from '../core/continuity.ts';
import type { Position } from '../core/cursor.ts';
import { beforeFirst, compareEventIds, type EventId, idBefore } from '../core/event-id.ts';
import { type EventLog, maxRead } from '../log/event-log.ts';
import type { Rewind, Start } from './read-query.ts';

/**
 * Finds the position where a request begins in each channel.
 * @param endOf the end of a channel's log, for those that begin now.
 * @param signal aborts when the reader has left: the log is asked no more then, and what is answered is for nobody.
 */
export async function resolveStart(
  log: EventLog,
  channels: readonly string[],
  start: Start,
  endOf: (channel: string) => Position,
  signal: AbortSignal,
): Promise<Map<string, Position>> {
  const positions = new Map<string, Position>();
  for (const channel of channels) {
    if (signal.aborted) break;
    if (start.kind === 'rewind') positions.set(channel, await rewound(log, channel, start.rewind, signal));
    else if (start.kind === 'now') positions.set(channel, endOf(channel));
    else positions.set(channel, start.cursor.get(channel) ?? endOf(channel));
  }
  return positions;
}

/**
 * The position where a request begins in each channel, where that is known without asking the log; else null.
 * @param endOf the end of a channel's log as this process knows it; null where it does not.
 */
export function knownStart(
  channels: readonly string[],
  start: Start,
  endOf: (channel: string) => Position | null,
): Map<string, Position> | null {
  if (start.kind === 'rewind') return null;
  const positions = new Map<string, Position>();
  for (const channel of channels) {
    const end = endOf(channel);
    const position = start.kind === 'now' ? end : (start.cursor.get(channel) ?? end);
    if (end === null || position === null || lacksEpoch(position, end)) return null;
    positions.set(channel, position);
  }
  return positions;
}

/** Whether a position's epoch has to be asked for: not that of a reader at the end of an empty log, which was told none. */
function lacksEpoch({ id, epoch }: Position, end: Position | null): boolean {
  return epoch === null && (end?.epoch !== null || compareEventIds(end.id, id) !== 0);
}

/**
 * Adds the log's epoch to positions whose reader sent none. It is asked of the log, for a process may still remember one
 * that was lost; but not for a reader that comes back to the end of an empty log, which is told no epoch.
 * @param endOf the end of a channel's log as this process knows it; null where it does not.
 */
export async function settleEpochs(
  log: EventLog,
  start: Start,
  endOf: (channel: string) => Position | null,
): Promise<Start> {
  if (start.kind !== 'cursor') return start;
  const bare = [...start.cursor].flatMap(([channel, position]) =>
    lacksEpoch(position, endOf(channel)) ? [channel] : [],
  );
  if (bare.length === 0) return start;
  const ends = await log.ends(bare);
  const cursor = new Map(start.cursor);
  for (const [channel, { id, epoch }] of start.cursor) {
    cursor.set(channel, { id, epoch: epoch ?? ends.get(channel)?.epoch ?? null });
  }
  return { kind: 'cursor', cursor };
}

/** The position at the end of a log: what "now" means there. */
export function positionAtEnd(state: LogState): Position {
  return state === null ? { id: beforeFirst, epoch: null } : { id: state.last, epoch: state.epoch };
}

async function rewound(
  log: EventLog,
  channel: string,
  rewind: Rewind,
  signal: AbortSignal,
): Promise<Position> {
  switch (rewind.kind) {
    case 'all': {
      const { state } = await log.read(channel, { kind: 'newest' }, 1);
      return state === null ? positionAtEnd(null) : { id: idBefore(state.first), epoch: state.epoch };
    }
    case 'age': {
      const { state, events } = await log.read(channel, { kind: 'since', ageMs: rewind.ageMs }, 1);
      const [first] = events;
      if (state === null || first === undefined) return positionAtEnd(state);
      return { id: idBefore(first.id), epoch: state.epoch };
    }
    case 'count':
      return rewoundByCount(log, channel, rewind.count, signal);
  }
}

async function rewoundByCount(
  log: EventLog,
  channel: string,
  count: number,
  signal: AbortSignal,
): Promise<Position> {
  const newest = await log.read(channel, { kind: 'newest' }, clampLimit(count));
  const { state } = newest;
  if (state === null || count === 0) return positionAtEnd(state);
  let events = newest.events;
  let oldest: EventId = events[0]?.id ?? state.last;
  if (state.last.seq - count < state.first.seq) return { id: idBefore(state.first), epoch: state.epoch };
  const firstSeq = state.last.seq - count + 1;
  while (events.length > 0 && oldest.seq > firstSeq && !signal.aborted) {
    const page = await log.read(channel, { kind: 'before', id: oldest }, clampLimit(oldest.seq - firstSeq));
    events = page.events;
    oldest = events[0]?.id ?? oldest;
  }
  return { id: idBefore(oldest), epoch: state.epoch };
}

function clampLimit(count: number): number {
  return Math.min(maxRead, Math.max(1, count));
}
