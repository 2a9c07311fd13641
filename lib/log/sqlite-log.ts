import type { Clock } from '../core/clock.ts';
import { FeedError } from '../core/feed-error.ts';
import type { EventLog, FollowSignal } from './event-log.ts';
import { storeRequest } from './sqlite-append.ts';
import { toCannotOpen, toLogUnavailable } from './sqlite-error.ts';
import { readEvents, readState } from './sqlite-read.ts';
import { prepareStatements } from './sqlite-statements.ts';
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts';

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
