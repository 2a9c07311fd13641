import { type Clock, systemClock } from '../../core/clock.ts';
import type { LogState } from '../../core/continuity.ts';
import { newEpoch } from '../../core/cursor.ts';
import { beforeFirst, compareEventIds, type EventId, formatEventId, parseEventId } from '../../core/ids.ts';
import {
  type AppendRequest,
  type AppendResult,
  type ChannelRules,
  channelEnded,
  defaultRules,
  type EventLog,
  type FollowSignal,
  keyLifeMs,
  keyReused,
  type LogEvent,
  type NewEvent,
  type RateLimit,
  type ReadFrom,
  readBudgetBytes,
} from '../event-log.ts';
import { chargeLimit, chargeOf, rateLimited } from '../rate-limit.ts';
import { openSqliteStore, type SqliteStatements, type SqliteStore } from './database.ts';
import { isLocked, toLogError, unavailable } from './errors.ts';
import { applyToLatest, checkSubjects, readLatestPage, toAttributes, toText } from './latest.ts';
import { createStepQueue } from './step-queue.ts';

/** Options of the embedded log. */
type SqliteLogOptions = {
  /** What the log keeps of a channel: the rules of each, or how many events every channel keeps, at least. */
  readonly rules?: (channel: string) => ChannelRules;
  readonly retention?: number;
  /** The log's clock. Default: the system's. */
  readonly clock?: Pick<Clock, 'now'>;
  /** Random numbers for epochs, 0 ≤ x < 1. Default: `Math.random`. */
  readonly random?: () => number;
  /**
   * Measures how long steps run, and waits between them. Default: the system's clock. A log in memory may have the clock of its
   * feed: no other process can lock it.
   */
  readonly stepClock?: Pick<Clock, 'elapsed' | 'after'>;
};

/**
 * Opens the embedded log: one SQLite file, for any number of processes on one machine. A stored event survives the end of the
 * process (also `kill -9`), but not a power cut. Followers in this process get new events at once; after an append of another
 * process they get `unsure` within 250 ms.
 *
 * While another process has locked the file, the log waits up to 2 s without holding up the process, in the order of the
 * calls; then it rejects with `log-unavailable`. This holds for the opening too: the log exists, and its first calls wait.
 * @param options.file the path; the file and its folder are created if they do not exist. `:memory:` loses all events at
 * `close`.
 * @throws FeedError `misconfigured`, naming FEED_DB, when the file cannot be used.
 */
export function createSqliteLog({
  file,
  ...options
}: SqliteLogOptions & { readonly file: string }): EventLog {
  return createLog(() => openSqliteStore(file), options);
}

/** Opens a log on a store that is already open; closing the log releases the store. */
export function createLogOnStore(store: SqliteStore, options: SqliteLogOptions): EventLog {
  return createLog(() => store, options);
}

function charactersOf({ events }: AppendRequest): number {
  return events.reduce((sum, { data }) => sum + data.length, 0);
}

function createLog(open: () => SqliteStore, options: SqliteLogOptions): EventLog {
  const { retention = 10_000, clock = Date, random = Math.random, stepClock = systemClock } = options;
  const { rules = () => defaultRules(retention) } = options;
  // In WAL mode a writer does not stop readers, so what waits for the one must not hold up the other.
  const writes = createStepQueue(stepClock);
  const reads = createStepQueue(stepClock);
  const closing = new AbortController();
  let openStore: SqliteStore | null = null;

  /** The store, opened if it is not yet. @throws FeedError, which can be a locked file. */
  const store = (): SqliteStore => {
    if (closing.signal.aborted) throw unavailable('it is closed.');
    openStore ??= open();
    return openStore;
  };

  /** Runs `work` as one atomic step: other processes see all of its changes or none. It can be run again if it fails. */
  const inTransaction = <Result>(
    begin: 'beginRead' | 'beginWrite',
    work: (statements: SqliteStatements) => Result,
  ): Result => {
    const { db, statements, isInPlace } = store();
    try {
      if (!isInPlace()) throw unavailable('its file was deleted or replaced. Restart the server.');
      statements[begin].run();
      const result = work(statements);
      statements.commit.run();
      return result;
    } catch (cause) {
      if (db.isOpen && db.isTransaction) db.exec('ROLLBACK');
      throw toLogError(cause);
    }
  };

  try {
    store();
  } catch (error) {
    // The first calls open it, as soon as the lock is gone.
    if (!isLocked(error)) throw error;
  }

  return {
    kind: 'embedded',
    mayEvict: () => false,
    append(request) {
      return writes.run(() => {
        const { result, stored } = inTransaction('beginWrite', (statements) =>
          storeRequest({ statements, rules, nowMs: clock.now(), random }, request),
        );
        for (const [channel, { epoch, events }] of stored) {
          store().followers.notify(channel, { kind: 'events', epoch, events });
        }
        return result;
      }, charactersOf(request));
    },
    read(channel, from, limit) {
      return reads.run(() =>
        inTransaction('beginRead', (statements) => {
          const nowMs = clock.now();
          const state = readState(statements, channel, nowMs);
          return { state, events: readEvents(statements, channel, state, from, limit, nowMs) };
        }),
      );
    },
    latest(channel, afterSeq, limit) {
      return reads.run(() =>
        inTransaction('beginRead', (statements) => {
          const nowMs = clock.now();
          const state = readState(statements, channel, nowMs);
          return readLatestPage(statements, channel, state, afterSeq, limit, nowMs);
        }),
      );
    },
    ends(channels) {
      return reads.run(() =>
        inTransaction('beginRead', (statements) => {
          // Without channels nothing below reads the file, and a log that is gone would look healthy.
          statements.last.get('');
          const nowMs = clock.now();
          return new Map(channels.map((channel) => [channel, readState(statements, channel, nowMs)]));
        }),
      );
    },
    forget(channel) {
      return writes.run(() => {
        inTransaction('beginWrite', (statements) => deleteChannel(statements, channel));
        store().followers.notify(channel, { kind: 'unsure' });
      });
    },
    follow(channel, onSignal, signal) {
      const ended = AbortSignal.any([signal, closing.signal]);
      const start = () => {
        if (!signal.aborted) followUntil(store(), channel, onSignal, ended);
      };
      // The callback must not run before `follow` has returned.
      queueMicrotask(() => {
        reads.run(start).catch((cause: unknown) => {
          if (!signal.aborted) onSignal({ kind: 'lost', cause });
        });
      });
    },
    close() {
      if (closing.signal.aborted) return;
      closing.abort();
      openStore?.release();
    },
  };
}

/** @throws FeedError `log-unavailable` when the file cannot be watched, or is locked. */
function followUntil(
  store: SqliteStore,
  channel: string,
  onSignal: (signal: FollowSignal) => void,
  ended: AbortSignal,
): void {
  // The callback may abort while it gets `connected`, before `remove` exists.
  const remove = store.follow(channel, (followSignal) => {
    if (!ended.aborted) onSignal(followSignal);
  });
  if (ended.aborted) remove();
  else ended.addEventListener('abort', remove, { once: true });
}

type AppendContext = {
  readonly statements: SqliteStatements;
  readonly rules: (channel: string) => ChannelRules;
  /** The log's clock, Unix time in ms. */
  readonly nowMs: number;
  /** Random numbers for epochs, 0 ≤ x < 1. */
  readonly random: () => number;
};

/** The result of a request, and the events of each channel to announce after the commit. */
type Appended = {
  readonly result: AppendResult;
  readonly stored: ReadonlyMap<string, { readonly epoch: string; readonly events: readonly LogEvent[] }>;
};

/** An append removes at most this many events more than twice its own number, so that a lowered retention is reached soon. */
const extraTrim = 200;

/** Stores a request. Call it inside a transaction; if it throws, roll back. */
function storeRequest(context: AppendContext, request: AppendRequest): Appended {
  const { statements, rules, nowMs } = context;
  const { key, limits = [] } = request;
  const earlier = key === null ? null : findResult(statements, key, nowMs);
  if (earlier !== null) return { result: earlier, stored: new Map() };
  const channels = new Map<string, ChannelWrite>();
  for (const [channel, events] of Map.groupBy(request.events, (event) => event.channel)) {
    channels.set(channel, {
      given: events,
      rules: rules(channel),
      end: readEnd(context, channel),
      stored: [],
    });
  }
  chargeLimits(statements, limits, request.events.length, nowMs);
  for (const [
    channel,
    {
      given,
      rules: { maxSubjects },
      end,
    },
  ] of channels) {
    if (end.isNew) deleteChannel(statements, channel);
    checkSubjects(statements, channel, given, maxSubjects, nowMs);
  }
  deleteSomeOfDueChannel(statements, nowMs);

  const ids: EventId[] = [];
  for (const { channel, type, data, attributes } of request.events) {
    const event = { type, data, ...(attributes === undefined ? {} : { attributes }) };
    const write = channels.get(channel) as ChannelWrite;
    const { end, stored } = write;
    const id = { time: Math.max(nowMs, end.last.time), seq: end.last.seq + 1 };
    insertEvent(statements, channel, end.epoch, { id, ...event }, dueOf(event, write.rules, nowMs));
    end.last = id;
    stored.push({ id, ...event });
    ids.push(id);
  }
  for (const [channel, { rules: own, end, stored }] of channels) {
    trimOldest(context, channel, own, end.last, stored.length);
    applyToLatest(statements, channel, stored, nowMs);
  }
  if (key !== null) saveResult(statements, key, ids, nowMs);
  const stored = new Map(
    [...channels].map(([channel, { end, stored }]) => [channel, { epoch: end.epoch, events: stored }]),
  );
  return { result: { ids, duplicate: false }, stored };
}

/** What a request does to one channel. */
type ChannelWrite = {
  readonly given: readonly NewEvent[];
  readonly rules: ChannelRules;
  readonly end: { readonly isNew: boolean; readonly epoch: string; last: EventId };
  readonly stored: LogEvent[];
};

/**
 * The end of a channel. A channel without a log, or whose time is over, starts at 0-0 in a new epoch.
 * @throws FeedError `channel-ended`
 */
function readEnd({ statements, nowMs, random }: AppendContext, channel: string): ChannelWrite['end'] {
  const row = readLast(statements, channel, nowMs);
  if (row === null) return { isNew: true, epoch: newEpoch(random), last: beforeFirst };
  if (isEnd(row)) throw channelEnded(channel, toId(row));
  return { isNew: false, epoch: row.epoch, last: toId(row) };
}

/** When the channel is deleted because of this event, Unix time in ms; null: never. */
function dueOf(
  { attributes }: Pick<NewEvent, 'attributes'>,
  { expireAfterEndSeconds }: ChannelRules,
  nowMs: number,
): number | null {
  if (attributes?.end !== true || expireAfterEndSeconds === null) return null;
  return nowMs + expireAfterEndSeconds * 1_000;
}

function insertEvent(
  statements: SqliteStatements,
  channel: string,
  epoch: string,
  { id, type, data, attributes }: LogEvent,
  channelDue: number | null,
): void {
  const written = attributes === undefined ? null : toText(attributes);
  statements.insert.run(channel, id.time, id.seq, epoch, type, data, written, channelDue);
}

/** Removes the oldest events beyond the rules. Seqs are dense, so the first and last id give their number. */
function trimOldest(
  { statements, nowMs }: AppendContext,
  channel: string,
  { retentionEvents, retentionSeconds }: ChannelRules,
  last: EventId,
  added: number,
) {
  const most = 2 * added + extraTrim;
  if (retentionSeconds !== null) statements.trimOlder.run(channel, nowMs - retentionSeconds * 1_000, most);
  const first = statements.first.get(channel);
  const excess = last.seq - Number(first?.seq) + 1 - retentionEvents;
  if (excess <= 0) return;
  const newestRemoved = statements.nth.get(channel, Math.min(excess, most) - 1);
  if (newestRemoved !== undefined)
    statements.trim.run(channel, Number(newestRemoved.time), Number(newestRemoved.seq));
}

function deleteChannel(statements: SqliteStatements, channel: string): void {
  statements.deleteEvents.run(channel);
  statements.deleteLatest.run(channel);
}

/**
 * Deletes a part of one channel whose time is over. Readers do not see it any more, so a large one need not hold up one
 * append. Its last event goes last, because that one says that the time is over.
 */
function deleteSomeOfDueChannel(statements: SqliteStatements, nowMs: number): void {
  const due = statements.findDueChannel.get(nowMs);
  if (due === undefined) return;
  const channel = String(due.channel);
  const { changes } = statements.deleteSomeLatest.run(channel, extraTrim);
  if (Number(changes) < extraTrim) statements.deleteSomeEvents.run(channel, extraTrim);
}

// Rows, with the columns of the statements. The tables are STRICT, so SQLite guarantees these types.
type IdRow = { readonly time: number; readonly seq: number };
type LastRow = IdRow & {
  readonly epoch: string;
  readonly attributes: string | null;
  readonly channel_due: number | null;
};
type EventRow = IdRow & { readonly type: string; readonly data: string; readonly attributes: string | null };

/** The last event of a channel; null when the channel has none, or its time is over. */
function readLast(statements: SqliteStatements, channel: string, nowMs: number): LastRow | null {
  const row = statements.last.get(channel) as LastRow | undefined;
  if (row === undefined || (row.channel_due !== null && row.channel_due <= nowMs)) return null;
  return row;
}

function isEnd({ attributes }: LastRow): boolean {
  return attributes !== null && toAttributes(attributes).end === true;
}

/** The epoch, first and last id of a channel. Call it inside a transaction. */
function readState(statements: SqliteStatements, channel: string, nowMs: number): LogState {
  const last = readLast(statements, channel, nowMs);
  const first = statements.first.get(channel) as IdRow | undefined;
  if (last === null || first === undefined) return null;
  const state = { epoch: last.epoch, first: toId(first), last: toId(last) };
  return isEnd(last) ? { ...state, ended: true } : state;
}

/**
 * Reads events of a channel that is in this state, oldest first. A reader that already has the last event, like most polls,
 * costs no query.
 * @param nowMs the log's clock, Unix time in ms.
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
      const { time, seq } = firstOfLast(statements, channel, state, from.count);
      return toEvents(statements.from.iterate(channel, time, seq, limit));
    }
    case 'since':
      return toEvents(statements.since.iterate(channel, Math.max(0, nowMs - from.ageMs), limit));
  }
}

/**
 * The id of the first of the last `count` events. Seqs are dense, so its seq is known. Its time is the latest time from which
 * on the first event does not exceed that seq. The index is ordered by time, so binary search finds it; counting would pass
 * over all `count` events.
 */
function firstOfLast(
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

/** Takes events until `readBudgetBytes` are used up, but at least one. It counts a character as a byte. */
function toEvents(rows: Iterable<unknown>): LogEvent[] {
  const events: LogEvent[] = [];
  let left = readBudgetBytes;
  for (const row of rows as Iterable<EventRow>) {
    left -= row.data.length;
    if (left < 0 && events.length > 0) break;
    const { type, data, attributes } = row;
    const event = { id: toId(row), type, data };
    events.push(attributes === null ? event : { ...event, attributes: toAttributes(attributes) });
  }
  return events;
}

function toId(row: IdRow): EventId {
  return { time: row.time, seq: row.seq };
}

type Key = NonNullable<AppendRequest['key']>;

/** One append deletes at most this many expired keys, and as many full rates: more than it adds, so that they do not pile up. */
const expiredPerWrite = 20;

/**
 * The result of an earlier request with this key; null when the key is new or has expired.
 * @throws FeedError `key-reused` when the key was used for other events.
 */
function findResult(statements: SqliteStatements, key: Key, nowMs: number): AppendResult | null {
  const row = statements.findRequest.get(key.name, nowMs);
  if (row === undefined) return null;
  if (row.fingerprint !== key.fingerprint) throw keyReused();
  const ids = String(row.ids).split(',');
  return { ids: ids.map((id) => parseEventId(id, 'request record')), duplicate: true };
}

/** Saves the result of a request for 24 h, and deletes some expired ones. */
function saveResult(statements: SqliteStatements, key: Key, ids: readonly EventId[], nowMs: number): void {
  statements.deleteExpiredRequests.run(nowMs, expiredPerWrite);
  const text = ids.map(formatEventId).join(',');
  statements.saveRequest.run(key.name, key.fingerprint, text, nowMs + keyLifeMs);
}

/**
 * Charges a request of `count` events to each of its limits, and deletes some names whose allowance is full again.
 * @param nowMs the log's clock, Unix time in ms.
 * @throws FeedError `rate-limited` when the request exceeds a limit; of several, the one with the longest wait.
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
  const exceeded = charged.find((each) => each.waitMs > 0 && each.waitMs === waitMs);
  if (exceeded !== undefined) throw rateLimited(exceeded.limit, waitMs);
  statements.deleteFullRates.run(nowMs, expiredPerWrite);
  for (const { limit, fullAt } of charged) statements.saveRate.run(limit.name, fullAt);
}
