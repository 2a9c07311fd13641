import type { LogState } from '../../core/continuity.ts';
import type { Cursor, Position } from '../../core/cursor.ts';
import { FeedError } from '../../core/feed-error.ts';
import { beforeFirst, compareEventIds, idBefore } from '../../core/ids.ts';
import { excerpt } from '../../core/safe-text.ts';
import type { EventLog, LogPage } from '../../log/event-log.ts';
import type { EventFilter } from '../tail/ring-buffer.ts';
import type { LeasedTail } from '../tail/tail.ts';

/** Where a reader without a cursor starts. */
export type Rewind =
  /** At the last `count` events that the log keeps. */
  | { readonly kind: 'count'; readonly count: number }
  /** At the events of the last `ageMs`, by the log's clock. */
  | { readonly kind: 'age'; readonly ageMs: number }
  /** At the oldest event that the log keeps. */
  | { readonly kind: 'all' };

/** Where a reader starts: at its cursor, or at its rewind, or now. */
export type Start =
  | { readonly kind: 'cursor'; readonly cursor: ReadonlyMap<string, Position> }
  | { readonly kind: 'rewind'; readonly rewind: Rewind }
  | { readonly kind: 'now' };

/** What a reader reads: a stream, a page, or the app's own code. */
export type ReadQuery = {
  /** 1 to 20 names, each once. */
  readonly channels: readonly string[];
  /** Which events to deliver; null: all. */
  readonly filter: EventFilter | null;
  readonly start: Start;
};

/** The most channels, types and subjects of one reader. */
export const maxChannels = 20;
export const maxTypes = 100;
export const maxSubjectFilters = 100;

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/**
 * Reads a rewind: `50`, `30s`, `10m`, `2h` or `all`.
 * @throws FeedError `bad-request`
 */
export function parseRewind(text: string): Rewind {
  if (text === 'all') return { kind: 'all' };
  const match = /^(\d{1,9})([smh]?)$/.exec(text);
  if (match === null) {
    throw new FeedError(
      'bad-request',
      `rewind: "${excerpt(text)}" is not valid. Use a count such as 50, an age such as 30s, 10m or 2h (both with up to 9 digits), or all.`,
    );
  }
  const value = Number(match[1]);
  const unit = match[2] as keyof typeof unitMs | '';
  return unit === '' ? { kind: 'count', count: value } : { kind: 'age', ageMs: value * unitMs[unit] };
}

/**
 * Where a reader of tails starts. If memory has it, as for a reader that comes back, it starts at once; if not, when the log
 * has answered.
 * @param tails one for each channel.
 */
export function startOnTails(
  log: EventLog,
  { channels, start }: ReadQuery,
  tails: readonly LeasedTail[],
): Cursor | Promise<Cursor> {
  const tailOf = (channel: string) => {
    const tail = tails.find((each) => each.channel === channel);
    if (tail === undefined) throw new Error(`no tail for channel ${channel}`);
    return tail;
  };
  // While a tail is not ready for the reader's position, the log is asked at the same time.
  const from = (channel: string) => (start.kind === 'cursor' && start.cursor.get(channel)) || null;
  const endInMemory = (channel: string) =>
    tailOf(channel).isReady(from(channel)) ? tailOf(channel).end() : null;
  const known = startFromMemory(channels, start, endInMemory);
  if (known !== null) return known;
  const tailsReady = Promise.all(tails.map((tail) => tail.ready(from(tail.channel))));
  const endOf = (channel: string) => tailOf(channel).end();
  // The log itself knows where a rewind starts. It is asked at once: after the tails, a slow log would be waited for twice.
  if (start.kind === 'rewind') {
    const rewound = resolveStart(log, channels, start, endOf);
    return Promise.all([rewound, tailsReady]).then(([positions]) => positions);
  }
  const withEpochs = addEpochs(log, start, endInMemory);
  return Promise.all([withEpochs, tailsReady]).then(([start]) => resolveStart(log, channels, start, endOf));
}

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
