import type { LogState } from '../../core/continuity.ts';
import {
  type EventAttributes,
  type LatestPage,
  type LogEvent,
  lastOfEachSubject,
  type NewEvent,
  readBudgetBytes,
  tooManySubjects,
} from '../event-log.ts';
import type { SqliteStatements } from './database.ts';

/*
 * The state of a channel: its latest event of each subject, in a table of its own, because retention removes the event itself.
 * All of this runs inside the transaction of an append or a read. Times are by the log's clock, Unix time in ms.
 */

/** One append deletes at most this many expired subjects of a channel: more than most appends add, so that they do not pile up. */
const expiredPerWrite = 20;

/**
 * Checks that a channel may have the subjects of a request.
 * @throws FeedError `too-many-subjects`
 */
export function checkSubjects(
  statements: SqliteStatements,
  channel: string,
  events: readonly NewEvent[],
  maxSubjects: number,
  nowMs: number,
): void {
  let added = 0;
  let removed = 0;
  for (const [subject, { attributes }] of lastOfEachSubject(events)) {
    const isThere = statements.findLatest.get(channel, subject, nowMs) !== undefined;
    if (isThere && attributes?.remove) removed += 1;
    if (!isThere && !attributes?.remove) added += 1;
  }
  if (added === 0) return;
  const count = Number(statements.countLatest.get(channel, nowMs)?.count) + added - removed;
  if (count > maxSubjects) throw tooManySubjects(channel, count, maxSubjects);
}

/** Applies the stored events of a request to the state of their channel. */
export function applyToLatest(
  statements: SqliteStatements,
  channel: string,
  events: readonly LogEvent[],
  nowMs: number,
): void {
  const subjects = lastOfEachSubject(events);
  if (subjects.size === 0) return;
  statements.deleteExpiredLatest.run(channel, nowMs, expiredPerWrite);
  for (const [subject, { id, type, data, attributes = {} }] of subjects) {
    const { remove, ttlMs } = attributes;
    const expires = ttlMs === undefined ? null : id.time + ttlMs;
    if (remove) statements.removeLatest.run(channel, subject);
    else
      statements.saveLatest.run(channel, subject, id.time, id.seq, type, data, toText(attributes), expires);
  }
}

/** Reads a page of the state of a channel that is in `state`. */
export function readLatestPage(
  statements: SqliteStatements,
  channel: string,
  state: LogState,
  afterSeq: number,
  limit: number,
  nowMs: number,
): LatestPage {
  if (state === null) return { state, events: [], more: false };
  const rows = statements.latest.iterate(channel, afterSeq, nowMs, limit + 1) as Iterable<LatestRow>;
  const events: LogEvent[] = [];
  let left = readBudgetBytes;
  for (const { time, seq, type, data, attributes } of rows) {
    left -= data.length;
    if (events.length === limit || (left < 0 && events.length > 0)) return { state, events, more: true };
    events.push({ id: { time, seq }, type, data, attributes: toAttributes(attributes) });
  }
  return { state, events, more: false };
}

type LatestRow = {
  readonly time: number;
  readonly seq: number;
  readonly type: string;
  readonly data: string;
  readonly attributes: string;
};

/** Writes attributes as the file has them. */
export function toText(attributes: EventAttributes): string {
  return JSON.stringify(attributes);
}

/** Reads what `toText` wrote. */
export function toAttributes(text: string): EventAttributes {
  return JSON.parse(text) as EventAttributes;
}
