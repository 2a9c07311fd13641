import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FollowSignal } from './event-log.ts';
import { toCannotOpen, toLogUnavailable } from './sqlite-error.ts';
import { createSqliteFollowers, type SqliteFollowers } from './sqlite-followers.ts';
import { prepareSchema } from './sqlite-schema.ts';
import { createSqliteWatch } from './sqlite-watch.ts';

/** One open file, shared by all logs on it in this process, so that all of them are told of every commit. */
export type SqliteStore = {
  readonly db: DatabaseSync;
  readonly followers: SqliteFollowers;
  /**
   * Adds a follower, who is told `connected` at once; the function given back takes it out again.
   * @throws FeedError `log-unavailable` when the file cannot be looked at.
   */
  follow(channel: string, onSignal: (signal: FollowSignal) => void): () => void;
  /**
   * Whether the path still leads to the file that is open. One that was deleted can be written on, but nobody
   * would ever read it again.
   */
  isInPlace(): boolean;
  /** Takes one user off; the last one closes the file. */
  release(): void;
};

type OpenStore = SqliteStore & { users: number };

/**
 * How long a lock of another process is waited for. The process stands still meanwhile, streams and all; the
 * longest lock of a healthy writer is one append or one checkpoint.
 */
const busyTimeoutMs = 2_000;

const openStores = new Map<string, OpenStore>();

/**
 * Opens a file, or takes one more share in it; makes the folder and the file where there is none.
 * `:memory:` is a store of its own at every call.
 * @throws FeedError `misconfigured`, naming FEED_DB; `log-unavailable` while another process has locked the file.
 */
export function openSqliteStore(file: string): SqliteStore {
  try {
    if (file === ':memory:') return createStore(file);
    // SQLite takes an empty path for a file without a name, and one that begins with `file:` for a URI.
    const path = resolve(file);
    mkdirSync(dirname(path), { recursive: true });
    const open = openStores.get(identityOf(path) ?? '');
    if (open === undefined) return createStore(path);
    open.users += 1;
    return open;
  } catch (cause) {
    throw toCannotOpen(cause);
  }
}

/** Device and inode: one file has many paths, and a path whose file was deleted means another file. */
function identityOf(path: string): string | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}

function createStore(path: string): OpenStore {
  const db = openDatabase(path);
  const identity = path === ':memory:' ? null : identityOf(path);
  const followers = createSqliteFollowers();
  const watch = createSqliteWatch(
    db,
    () => followers.tellAll({ kind: 'unsure' }),
    (cause) => followers.tellAll({ kind: 'lost', cause: toLogUnavailable(cause) }),
  );
  const store: OpenStore = {
    users: 1,
    db,
    followers,
    follow(channel, onSignal) {
      try {
        watch.start();
      } catch (cause) {
        throw toLogUnavailable(cause);
      }
      const remove = followers.add(channel, onSignal);
      return () => {
        remove();
        if (followers.count() === 0) watch.stop();
      };
    },
    isInPlace: () => identity === null || identityOf(path) === identity,
    release() {
      store.users -= 1;
      if (store.users > 0) return;
      watch.stop();
      db.close();
      if (identity !== null) openStores.delete(identity);
    },
  };
  if (identity !== null) openStores.set(identity, store);
  return store;
}

function openDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    // What was answered survives the end of the process; only a power cut may take the last commits.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864');
    prepareSchema(db);
    return db;
  } catch (cause) {
    db.close();
    throw cause;
  }
}
