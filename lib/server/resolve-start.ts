import type { LogState } from '../core/continuity.ts';
import type { Position } from '../core/cursor.ts';
import { beforeFirst, compareEventIds, idBefore } from '../core/ids.ts';
import type { EventLog, LogPage } from '../log/event-log.ts';
import type { Rewind, Start } from './read-query.ts';

/**
 * Finds the position where a request begins in each channel.
 * @param endOf the end of a channel's log, for those that begin now.
 */
export async function resolveStart(
  log: EventLog,
  channels: readonly string[],
  start: Start,
  endOf: (channel: string) => Position,
): Promise<Map<string, Position>> {
  const positionOf = async (channel: string): Promise<Position> => {
    if (start.kind === 'rewind') return rewound(log, channel, start.rewind);
    return (start.kind === 'cursor' && start.cursor.get(channel)) || endOf(channel);
  };
  return new Map(
    await Promise.all(channels.map(async (channel) => [channel, await positionOf(channel)] as const)),
  );
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

async function rewound(log: EventLog, channel: string, rewind: Rewind): Promise<Position> {
  switch (rewind.kind) {
    case 'all':
      return positionAhead(await log.read(channel, { kind: 'after', id: beforeFirst }, 1));
    case 'age':
      return positionAhead(await log.read(channel, { kind: 'since', ageMs: rewind.ageMs }, 1));
    case 'count': {
      if (rewind.count === 0) return positionAtEnd((await log.ends([channel])).get(channel) ?? null);
      return positionAhead(await log.read(channel, { kind: 'last', count: rewind.count }, 1));
    }
  }
}

/** The position ahead of the page's first event; at the log's end where there is none. */
function positionAhead({ state, events: [first] }: LogPage): Position {
  return state === null || first === undefined
    ? positionAtEnd(state)
    : { id: idBefore(first.id), epoch: state.epoch };
}
