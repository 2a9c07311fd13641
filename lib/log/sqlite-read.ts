import type { LogState } from '../core/continuity.ts';
import { compareEventIds, type EventId } from '../core/event-id.ts';
import { type LogEvent, type ReadFrom, readBudgetBytes } from './event-log.ts';
import type { SqliteStatements } from './sqlite-statements.ts';

// The shapes of rows, as the statements' columns name them. The tables are STRICT, so their types hold.
type IdRow = { readonly time: number; readonly seq: number };
type LastRow = IdRow & { readonly epoch: string };
type EventRow = LastRow & { readonly type: string; readonly data: string };

/** The channel's last id and its epoch; null when it keeps nothing. */
export function readLast(statements: SqliteStatements, channel: string): LastRow | null {
  return (statements.last.get(channel) as LastRow | undefined) ?? null;
}

/** The channel's epoch, first and last id. To be called inside a transaction. */
export function readState(statements: SqliteStatements, channel: string): LogState {
  const last = readLast(statements, channel);
  const first = statements.first.get(channel) as IdRow | undefined;
  if (last === null || first === undefined) return null;
  return { epoch: last.epoch, first: toId(first), last: toId(last) };
}

/**
 * Events of a channel in this state, oldest first; `nowMs` is the log's clock. A reader that has all, as most that poll
 * do, costs no question of its own.
 */
export function readEvents(
  statements: SqliteStatements,
  channel: string,
  state: LogState,
  from: ReadFrom,
  limit: number,
  nowMs: number,
): LogEvent[] {
  if (state === null || (from.kind === 'after' && compareEventIds(from.id, state.last) >= 0)) return [];
  switch (from.kind) {
    case 'after':
      return toEvents(statements.after.iterate(channel, from.id.time, from.id.seq, limit));
    case 'before':
      return toEvents(statements.before.iterate(channel, from.id.time, from.id.seq, limit)).reverse();
    case 'newest':
      return toEvents(statements.newest.iterate(channel, limit)).reverse();
    case 'last': {
      const { time, seq } = placeOf(statements, channel, state, from.count);
      return toEvents(statements.from.iterate(channel, time, seq, limit));
    }
    case 'since':
      return toEvents(statements.since.iterate(channel, Math.max(0, nowMs - from.ageMs), limit));
  }
}

/**
 * Where the last `count` events begin. Seqs are dense, so its seq is known; its time, which the index is ordered by, is
 * the latest from which on the first event is not beyond that seq: found by halving, as counting would pass over all.
 */
function placeOf(
  statements: SqliteStatements,
  channel: string,
  { first, last }: NonNullable<LogState>,
  count: number,
): EventId {
  const seq = Math.max(first.seq, last.seq - count + 1);
  let from = first.time;
  let upto = last.time;
  while (from < upto) {
    const middle = Math.ceil((from + upto) / 2);
    const found = statements.firstSince.get(channel, middle) as IdRow;
    if (found.seq > seq) upto = middle - 1;
    else from = found.time;
  }
  return { time: from, seq };
}

/** Takes events up to the budget, a character for a byte, though never none. */
function toEvents(rows: Iterable<unknown>): LogEvent[] {
  const events: LogEvent[] = [];
  let left = readBudgetBytes;
  for (const row of rows as Iterable<EventRow>) {
    left -= row.data.length;
    if (left < 0 && events.length > 0) break;
    events.push({ id: toId(row), type: row.type, data: row.data });
  }
  return events;
}

function toId(row: IdRow): EventId {
  return { time: row.time, seq: row.seq };
}
