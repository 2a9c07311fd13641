import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
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
    if (file === ':memory:') return createStore(file, () => undefined);
    mkdirSync(dirname(file), { recursive: true });
    const open = openStores.get(identityOf(file) ?? '');
    if (open === undefined) return openFile(file);
    open.users += 1;
    return open;
  } catch (cause) {
    throw toCannotOpen(cause);
  }
}

function openFile(file: string): SqliteStore {
  let identity: string | null = null;
  const store = createStore(file, () => {
    if (identity !== null) openStores.delete(identity);
  });
  identity = identityOf(file);
  if (identity !== null) openStores.set(identity, store);
  return store;
}

/** Device and inode: one file has many paths, and a path whose file was deleted means another file. */
function identityOf(file: string): string | null {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}

function createStore(file: string, onClosed: () => void): OpenStore {
  const db = openDatabase(file);
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
    release() {
      store.users -= 1;
      if (store.users > 0) return;
      watch.stop();
      db.close();
      onClosed();
    },
  };
  return store;
}

function openDatabase(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: busyTimeoutMs });
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
