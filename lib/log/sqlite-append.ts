import { beforeFirst, type EventId } from '../core/event-id.ts';
import type { AppendAnswer, AppendRequest, LogEvent } from './event-log.ts';
import { newEpoch } from './new-epoch.ts';
import { findFirstAnswer, rememberAnswer } from './sqlite-keys.ts';
import { chargeLimits } from './sqlite-rates.ts';
import { readLast } from './sqlite-read.ts';
import type { SqliteStatements } from './sqlite-statements.ts';

export type AppendContext = {
  readonly statements: SqliteStatements;
  /** Events kept per channel, at least. */
  readonly retention: number;
  /** The log's clock, Unix time in ms. */
  readonly nowMs: number;
  /** Makes epochs: 0 ≤ x < 1. */
  readonly random: () => number;
};

/** The answer to a request, and what is to be told of each channel once it is committed. */
export type AppendOutcome = {
  readonly answer: AppendAnswer;
  readonly stored: ReadonlyMap<string, { readonly epoch: string; readonly events: readonly LogEvent[] }>;
};

/** How many events one append may drop beyond twice its own number, so that a lowered retention is reached soon. */
const dropAtLeast = 200;

/** Stores a request. To be called inside a transaction; a throw leaves it to be rolled back. */
export function storeRequest(context: AppendContext, request: AppendRequest): AppendOutcome {
  const { statements, nowMs } = context;
  const { key, limits = [] } = request;
  const first = key === null ? null : findFirstAnswer(statements, key, nowMs);
  if (first !== null) return { answer: first, stored: new Map() };
  chargeLimits(statements, limits, request.events.length, nowMs);

  const ids: EventId[] = [];
  const stored = new Map<string, { epoch: string; last: EventId; events: LogEvent[] }>();
  for (const { channel, type, data } of request.events) {
    const end = stored.get(channel) ?? readEnd(context, channel);
    const id = { time: Math.max(nowMs, end.last.time), seq: end.last.seq + 1 };
    statements.insert.run(channel, id.time, id.seq, end.epoch, type, data);
    end.last = id;
    end.events.push({ id, type, data });
    stored.set(channel, end);
    ids.push(id);
  }
  for (const [channel, { last, events }] of stored) dropOldest(context, channel, last, events.length);
  if (key !== null) rememberAnswer(statements, key, ids, nowMs);
  return { answer: { ids, duplicate: false }, stored };
}

/** Where a channel ends, or begins: a channel without a log gets a new epoch. */
function readEnd({ statements, random }: AppendContext, channel: string) {
  const row = readLast(statements, channel);
  const last = row === null ? beforeFirst : { time: row.time, seq: row.seq };
  return { epoch: row?.epoch ?? newEpoch(random), last, events: [] as LogEvent[] };
}

/** Drops what is beyond retention, oldest first; seqs are dense, so two ids say how many that are. */
function dropOldest({ statements, retention }: AppendContext, channel: string, last: EventId, added: number) {
  const first = statements.first.get(channel);
  const excess = last.seq - Number(first?.seq) + 1 - retention;
  if (excess <= 0) return;
  const dropped = statements.nth.get(channel, Math.min(excess, 2 * added + dropAtLeast) - 1);
  if (dropped !== undefined) statements.trim.run(channel, Number(dropped.time), Number(dropped.seq));
}
