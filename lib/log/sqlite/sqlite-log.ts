import type { Clock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import { newEpoch } from '../../core/cursor.ts';
import { FeedError } from '../../core/feed-error.ts';
import { beforeFirst, compareEventIds, type EventId, formatEventId, parseEventId } from '../../core/ids.ts';
import {
  type AppendAnswer,
  type AppendRequest,
  type EventLog,
  type FollowSignal,
  keyLifeMs,
  type LogEvent,
  type RateLimit,
  type ReadFrom,
  readBudgetBytes,
} from '../event-log.ts';
import { chargeLimit, chargeOf, rateLimited } from '../rate-limit.ts';
import {
  openSqliteStore,
  prepareStatements,
  type SqliteStatements,
  type SqliteStore,
  toCannotOpen,
  toLogUnavailable,
} from './database.ts';

export type SqliteLogSettings = {
  /** Events kept per channel, at least. */
  readonly retention: number;
  /** The log's clock. The system's where it is not given. */
  readonly clock?: Pick<Clock, 'now'>;
  /** Makes epochs: 0 ≤ x < 1. `Math.random` where it is not given. */
  readonly random?: () => number;
};

/**
 * The embedded log: one file, any number of processes on one machine.
 * What an append has answered survives the end of the process, not a power cut. In this process followers are
 * told at once; what other processes append is told as `unsure` within 250 ms.
 * @param settings.file its path, made with its folder where it does not exist; `:memory:` keeps nothing.
 * @throws FeedError `misconfigured`, naming FEED_DB, when the file cannot be used; `log-unavailable` while another
 * process has locked it.
 */
export function createSqliteLog(settings: SqliteLogSettings & { readonly file: string }): EventLog {
  const store = openSqliteStore(settings.file);
  try {
    return createLogOnStore(store, settings);
  } catch (cause) {
    store.release();
    throw toCannotOpen(cause);
  }
}

/** A log on a store that is already open; closing the log takes its user off the store. */
export function createLogOnStore(store: SqliteStore, settings: SqliteLogSettings): EventLog {
  const { retention, clock = Date, random = Math.random } = settings;
  const { db, followers } = store;
  const statements = prepareStatements(db);
  const closing = new AbortController();

  /** Runs `work` as one step: other processes see all of it or nothing, and it sees nothing of theirs half done. */
  const inTransaction = <Result>(begin: 'beginRead' | 'beginWrite', work: () => Result): Result => {
    try {
      if (closing.signal.aborted) throw unavailable('it was closed');
      if (!store.isInPlace()) throw unavailable('its file was deleted or replaced; start the server again');
      statements[begin].run();
      const result = work();
      statements.commit.run();
      return result;
    } catch (cause) {
      if (db.isOpen && db.isTransaction) db.exec('ROLLBACK');
      throw toLogUnavailable(cause);
    }
  };

  return {
    kind: 'embedded',
    async append(request) {
      const { answer, stored } = inTransaction('beginWrite', () =>
        storeRequest({ statements, retention, nowMs: clock.now(), random }, request),
      );
      for (const [channel, { epoch, events }] of stored) {
        followers.tell(channel, { kind: 'events', epoch, events });
      }
      return answer;
    },
    async read(channel, from, limit) {
      return inTransaction('beginRead', () => {
        const state = readState(statements, channel);
        return { state, events: readEvents(statements, channel, state, from, limit, clock.now()) };
      });
    },
    async ends(channels) {
      return inTransaction('beginRead', () => {
        // Without channels nothing below would ask the file, and a log that is gone would pass for well.
        statements.last.get('');
        return new Map(channels.map((channel) => [channel, readState(statements, channel)]));
      });
    },
    follow(channel, onSignal, signal) {
      // Not before the caller has what `follow` answers: nobody expects to be called back from inside the call.
      queueMicrotask(() => {
        if (signal.aborted) return;
        if (closing.signal.aborted) return onSignal({ kind: 'lost', cause: unavailable('it was closed') });
        followUntil(store, channel, onSignal, AbortSignal.any([signal, closing.signal]));
      });
    },
    close() {
      if (closing.signal.aborted) return;
      closing.abort();
      store.release();
    },
  };
}

function followUntil(
  store: SqliteStore,
  channel: string,
  onSignal: (signal: FollowSignal) => void,
  ended: AbortSignal,
): void {
  try {
    // A follower may end it while it is being told.
    const remove = store.follow(channel, (told) => {
      if (!ended.aborted) onSignal(told);
    });
    if (ended.aborted) remove();
    else ended.addEventListener('abort', remove, { once: true });
  } catch (cause) {
    onSignal({ kind: 'lost', cause });
  }
}

function unavailable(why: string): FeedError {
  return new FeedError('log-unavailable', `embedded log: ${why}`);
}

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
function storeRequest(context: AppendContext, request: AppendRequest): AppendOutcome {
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

// The shapes of rows, as the statements' columns name them. The tables are STRICT, so their types hold.
type IdRow = { readonly time: number; readonly seq: number };
type LastRow = IdRow & { readonly epoch: string };
type EventRow = LastRow & { readonly type: string; readonly data: string };

/** The channel's last id and its epoch; null when it keeps nothing. */
function readLast(statements: SqliteStatements, channel: string): LastRow | null {
  return (statements.last.get(channel) as LastRow | undefined) ?? null;
}

/** The channel's epoch, first and last id. To be called inside a transaction. */
function readState(statements: SqliteStatements, channel: string): LogState {
  const last = readLast(statements, channel);
  const first = statements.first.get(channel) as IdRow | undefined;
  if (last === null || first === undefined) return null;
  return { epoch: last.epoch, first: toId(first), last: toId(last) };
}

/**
 * Events of a channel in this state, oldest first; `nowMs` is the log's clock. A reader that has all, as most that poll
 * do, costs no question of its own.
 */
function readEvents(
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

type Key = NonNullable<AppendRequest['key']>;

/** Max expired keys, and max expired rates, that one append deletes: more than it adds, so that old ones never pile up. */
const expiredPerWrite = 20;

/**
 * The first answer to a request with this key; null when the key is new, or was forgotten.
 * @throws FeedError `key-reused` when the key was used for other events.
 */
function findFirstAnswer(statements: SqliteStatements, key: Key, nowMs: number): AppendAnswer | null {
  const row = statements.findRequest.get(key.name, nowMs);
  if (row === undefined) return null;
  if (row.fingerprint !== key.fingerprint) {
    throw new FeedError(
      'key-reused',
      'idempotency key: it was used within 24 h for other events; allowed is a new key, or the same events',
    );
  }
  const ids = String(row.ids).split(',');
  return { ids: ids.map((id) => parseEventId(id, 'request record')), duplicate: true };
}

/** Remembers a request for 24 h, and forgets some whose time is up. */
function rememberAnswer(
  statements: SqliteStatements,
  key: Key,
  ids: readonly EventId[],
  nowMs: number,
): void {
  statements.forgetRequests.run(nowMs, expiredPerWrite);
  const text = ids.map(formatEventId).join(',');
  statements.rememberRequest.run(key.name, key.fingerprint, text, nowMs + keyLifeMs);
}

/**
 * Charges a request of `count` events to all of its limits, and forgets some names whose allowance is full again.
 * @param nowMs the log's clock, Unix time in ms.
 * @throws FeedError `rate-limited`, of the limit that asks for the longest wait, when it is beyond one.
 */
function chargeLimits(
  statements: SqliteStatements,
  limits: readonly RateLimit[],
  count: number,
  nowMs: number,
): void {
  if (limits.length === 0) return;
  const charged = limits.map((limit) => {
    const row = statements.findRate.get(limit.name);
    return {
      limit,
      ...chargeLimit(row === undefined ? null : Number(row.full_at), nowMs, chargeOf(limit, count)),
    };
  });
  const waitMs = Math.max(...charged.map((each) => each.waitMs));
  const beyond = charged.find((each) => each.waitMs > 0 && each.waitMs === waitMs);
  if (beyond !== undefined) throw rateLimited(beyond.limit, waitMs);
  statements.forgetRates.run(nowMs, expiredPerWrite);
  for (const { limit, fullAt } of charged) statements.rememberRate.run(limit.name, fullAt);
}
