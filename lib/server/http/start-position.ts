import type { LogState } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import { beforeFirst, compareEventIds, idBefore } from '../../core/ids.ts';
import type { EventLog, LogPage } from '../../log/event-log.ts';
import type { Rewind, Start } from './read-query.ts';

/**
 * Finds the position where a read starts in each channel.
 * @param endOf the end of a channel's log, for a channel that starts now.
 */
export async function resolveStart(
  log: EventLog,
  channels: readonly string[],
  start: Start,
  endOf: (channel: string) => Position,
): Promise<Map<string, Position>> {
  const positionOf = async (channel: string): Promise<Position> => {
    if (start.kind === 'rewind') return positionOfRewind(log, channel, start.rewind);
    return (start.kind === 'cursor' && start.cursor.get(channel)) || endOf(channel);
  };
  return new Map(
    await Promise.all(channels.map(async (channel) => [channel, await positionOf(channel)] as const)),
  );
}

/**
 * The positions where a read starts, if they are known without the log; if not, null.
 * @param endInMemory the end of a channel's log as this process knows it; null if it does not.
 */
export function startFromMemory(
  channels: readonly string[],
  start: Start,
  endInMemory: (channel: string) => Position | null,
): Map<string, Position> | null {
  if (start.kind === 'rewind') return null;
  const positions = new Map<string, Position>();
  for (const channel of channels) {
    const end = endInMemory(channel);
    const position = start.kind === 'now' ? end : (start.cursor.get(channel) ?? end);
    if (end === null || position === null || needsEpoch(position, end)) return null;
    positions.set(channel, position);
  }
  return positions;
}

/**
 * Adds the log's epoch to the positions that have none. It asks the log, because a process can remember the epoch of a log
 * that was lost.
 * @param endInMemory the end of a channel's log as this process knows it; null if it does not.
 */
export async function addEpochs(
  log: EventLog,
  start: Start,
  endInMemory: (channel: string) => Position | null,
): Promise<Start> {
  if (start.kind !== 'cursor') return start;
  const bare = [...start.cursor].flatMap(([channel, position]) =>
    needsEpoch(position, endInMemory(channel)) ? [channel] : [],
  );
  if (bare.length === 0) return start;
  const ends = await log.ends(bare);
  const cursor = new Map(start.cursor);
  for (const [channel, { id, epoch }] of start.cursor) {
    cursor.set(channel, { id, epoch: epoch ?? ends.get(channel)?.epoch ?? null });
  }
  return { kind: 'cursor', cursor };
}

/** Whether the log must be asked for a position's epoch. A reader at the end of an empty log needs none: it got none. */
function needsEpoch({ id, epoch }: Position, end: Position | null): boolean {
  return epoch === null && (end?.epoch !== null || compareEventIds(end.id, id) !== 0);
}

/** The position at the end of a log: what "now" means there. */
export function positionAtEnd(state: LogState): Position {
  return state === null ? { id: beforeFirst, epoch: null } : { id: state.last, epoch: state.epoch };
}

async function positionOfRewind(log: EventLog, channel: string, rewind: Rewind): Promise<Position> {
  switch (rewind.kind) {
    case 'all':
      return positionBefore(await log.read(channel, { kind: 'after', id: beforeFirst }, 1));
    case 'age':
      return positionBefore(await log.read(channel, { kind: 'since', ageMs: rewind.ageMs }, 1));
    case 'count': {
      if (rewind.count === 0) return positionAtEnd((await log.ends([channel])).get(channel) ?? null);
      return positionBefore(await log.read(channel, { kind: 'last', count: rewind.count }, 1));
    }
  }
}

/** The position before the page's first event; the end of the log if the page has none. */
function positionBefore({ state, events: [first] }: LogPage): Position {
  return state === null || first === undefined
    ? positionAtEnd(state)
    : { id: idBefore(first.id), epoch: state.epoch };
}
