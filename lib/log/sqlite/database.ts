import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { FeedError } from '../../core/feed-error.ts';
import type { FollowSignal } from '../event-log.ts';
import { toLogError, toOpenError } from './errors.ts';
import { createSqliteFollowers, createSqliteWatch, type SqliteFollowers } from './followers.ts';

/**
 * An open file. All logs on it in this process share it, so that each follower learns of every commit. Everything that
 * reads or writes the file fails at once while another process has locked it (`isLocked`); a `StepQueue` tries again.
 */
export type SqliteStore = {
  readonly db: DatabaseSync;
  readonly statements: SqliteStatements;
  readonly followers: SqliteFollowers;
  /**
   * Adds a follower, which gets `connected` at once; the returned function removes it.
   * @throws FeedError `log-unavailable` when the file cannot be watched.
   */
  follow(channel: string, onSignal: (signal: FollowSignal) => void): () => void;
  /**
   * Whether the path still leads to the open file. A deleted file can still be written, but nobody would read it again.
   */
  isInPlace(): boolean;
  /** Gives up one share; the last one closes the file. */
  release(): void;
};

type OpenStore = SqliteStore & { users: number };

const openStores = new Map<string, OpenStore>();

/**
 * Opens a file, or takes one more share of the open file; creates the folder and the file if they do not exist.
 * `:memory:` is a new store at each call.
 * @throws FeedError `misconfigured`, naming FEED_DB; `log-unavailable` while another process has locked the file. The same
 * call can succeed later.
 */
export function openSqliteStore(file: string): SqliteStore {
  try {
    if (file === ':memory:') return createStore(file);
    // SQLite takes an empty path as a temporary file, and a path that begins with `file:` as a URI.
    const path = resolve(file);
    mkdirSync(dirname(path), { recursive: true });
    const open = openStores.get(identityOf(path) ?? '');
    if (open === undefined) return createStore(path);
    open.users += 1;
    return open;
  } catch (cause) {
    throw toOpenError(cause);
  }
}

/** Device and inode: one file can have many paths, and the path of a deleted file can lead to a new file. */
function identityOf(path: string): string | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev}:${stat.ino}`;
}

function createStore(path: string): OpenStore {
  const { db, statements } = openDatabase(path);
  const identity = path === ':memory:' ? null : identityOf(path);
  const followers = createSqliteFollowers();
  const watch = createSqliteWatch(
    db,
    () => followers.notifyAll({ kind: 'unsure' }),
    (cause) => followers.notifyAll({ kind: 'lost', cause: toLogError(cause) }),
  );
  const store: OpenStore = {
    users: 1,
    db,
    statements,
    followers,
    follow(channel, onSignal) {
      try {
        watch.start();
      } catch (cause) {
        throw toLogError(cause);
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

function openDatabase(path: string): Pick<SqliteStore, 'db' | 'statements'> {
  // The whole process would stand still while the driver waits for a lock.
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    // With these settings a stored event survives the end of the process; only a power cut can lose the last commits.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 67108864');
    prepareSchema(db);
    return { db, statements: prepareStatements(db) };
  } catch (cause) {
    db.close();
    throw cause;
  }
}

/** The version of the tables below; the file has it as its `user_version`. */
const schemaVersion = 3;

/*
 * Version 1. The primary key of an event is its id, because every read is in the order of ids. Each event has its epoch, so
 * that the rest of a log that lost its end still has its epoch. The table keeps its rowid: with rows of 64 KiB a table without
 * one is several times slower.
 */
const version1Tables = `
  CREATE TABLE event (
    channel TEXT NOT NULL,
    time INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    epoch TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (channel, time, seq)
  ) STRICT;
  CREATE TABLE request (
    key TEXT NOT NULL PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    ids TEXT NOT NULL,
    expires INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX request_by_expiry ON request (expires);
`;

/** Version 2 adds the rate limits: for each name the time at which its allowance is full again, Unix time in ms. */
const version2Tables = `
  CREATE TABLE rate (
    name TEXT NOT NULL PRIMARY KEY,
    full_at REAL NOT NULL
  ) STRICT;
  CREATE INDEX rate_by_full_at ON rate (full_at);
`;

/*
 * Version 3 adds the attributes of an event, as JSON; null for a plain event. The last event of a channel that expires has the
 * time at which the channel is deleted, Unix time in ms. `latest` holds a copy of the latest event of each subject, because
 * retention removes the event itself; `expires` is the time from which on it does not count, Unix time in ms.
 */
const version3Tables = `
  ALTER TABLE event ADD COLUMN attributes TEXT;
  ALTER TABLE event ADD COLUMN channel_due INTEGER;
  CREATE INDEX event_by_channel_due ON event (channel_due) WHERE channel_due IS NOT NULL;
  CREATE TABLE latest (
    channel TEXT NOT NULL,
    subject TEXT NOT NULL,
    time INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    attributes TEXT NOT NULL,
    expires INTEGER,
    PRIMARY KEY (channel, subject)
  ) STRICT;
  CREATE INDEX latest_by_seq ON latest (channel, seq);
  CREATE INDEX latest_by_expiry ON latest (channel, expires);
`;

/** Fails in the file of another program that has the same `user_version` but not the tables of version 1. */
const requireVersion1Tables = 'SELECT 1 FROM event, request LIMIT 0;';

/** The SQL that upgrades a file of each older version to this one. */
const upgrades: Readonly<Record<number, string>> = {
  0: version1Tables + version2Tables + version3Tables,
  1: requireVersion1Tables + version2Tables + version3Tables,
  2: requireVersion1Tables + version3Tables,
};

/**
 * Creates the tables that the file does not have yet.
 * @throws FeedError `misconfigured` when a newer version of this feed, or another program, has written the file.
 */
function prepareSchema(db: DatabaseSync): void {
  if (readVersion(db) === schemaVersion) return;
  // Two processes can open a new file at the same time: read the version again, under the write lock.
  db.exec('BEGIN IMMEDIATE');
  try {
    const found = readVersion(db);
    if (found !== schemaVersion) {
      const upgrade = upgrades[found];
      if (upgrade === undefined) throw wrongVersion(found);
      db.exec(`${upgrade} PRAGMA user_version = ${schemaVersion}`);
    }
    db.exec('COMMIT');
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK');
  }
}

function readVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version);
}

function wrongVersion(found: number): FeedError {
  return new FeedError(
    'misconfigured',
    `FEED_DB: The file has schema version ${found}, but this server can read versions 1 to ${schemaVersion}. Run the newer version that wrote the file, or set FEED_DB to another file.`,
  );
}

/** Every statement of the embedded log, prepared once. Ids are compared as pairs: by time first, then by seq. */
export type SqliteStatements = Readonly<Record<keyof typeof texts, StatementSync>>;

const selectEvent = 'SELECT time, seq, epoch, type, data, attributes FROM event WHERE channel = ?';

/** A subject that counts: its event has not expired. */
const isValid = '(expires IS NULL OR expires > ?)';

const texts = {
  beginRead: 'BEGIN DEFERRED',
  beginWrite: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  first: 'SELECT time, seq FROM event WHERE channel = ? ORDER BY time, seq LIMIT 1',
  last: 'SELECT time, seq, epoch, attributes, channel_due FROM event WHERE channel = ? ORDER BY time DESC, seq DESC LIMIT 1',
  nth: 'SELECT time, seq FROM event WHERE channel = ? ORDER BY time, seq LIMIT 1 OFFSET ?',
  firstSince: 'SELECT time, seq FROM event WHERE channel = ? AND time >= ? ORDER BY time, seq LIMIT 1',
  after: `${selectEvent} AND (time, seq) > (?, ?) ORDER BY time, seq LIMIT ?`,
  before: `${selectEvent} AND (time, seq) < (?, ?) ORDER BY time DESC, seq DESC LIMIT ?`,
  newest: `${selectEvent} ORDER BY time DESC, seq DESC LIMIT ?`,
  from: `${selectEvent} AND (time, seq) >= (?, ?) ORDER BY time, seq LIMIT ?`,
  since: `${selectEvent} AND time >= ? ORDER BY time, seq LIMIT ?`,
  insert:
    'INSERT INTO event (channel, time, seq, epoch, type, data, attributes, channel_due) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  trim: 'DELETE FROM event WHERE channel = ? AND (time, seq) <= (?, ?)',
  trimOlder:
    'DELETE FROM event WHERE rowid IN (SELECT rowid FROM event WHERE channel = ? AND time < ? ORDER BY time, seq LIMIT ?)',
  latest: `SELECT time, seq, type, data, attributes FROM latest WHERE channel = ? AND seq > ? AND ${isValid} ORDER BY seq LIMIT ?`,
  findLatest: `SELECT 1 FROM latest WHERE channel = ? AND subject = ? AND ${isValid}`,
  countLatest: `SELECT count(*) AS count FROM latest WHERE channel = ? AND ${isValid}`,
  saveLatest:
    'INSERT OR REPLACE INTO latest (channel, subject, time, seq, type, data, attributes, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  removeLatest: 'DELETE FROM latest WHERE channel = ? AND subject = ?',
  deleteExpiredLatest:
    'DELETE FROM latest WHERE rowid IN (SELECT rowid FROM latest WHERE channel = ? AND expires <= ? LIMIT ?)',
  findDueChannel: 'SELECT channel FROM event WHERE channel_due <= ? LIMIT 1',
  deleteSomeEvents:
    'DELETE FROM event WHERE rowid IN (SELECT rowid FROM event WHERE channel = ? ORDER BY time, seq LIMIT ?)',
  deleteSomeLatest: 'DELETE FROM latest WHERE rowid IN (SELECT rowid FROM latest WHERE channel = ? LIMIT ?)',
  deleteLatest: 'DELETE FROM latest WHERE channel = ?',
  deleteEvents: 'DELETE FROM event WHERE channel = ?',
  findRequest: 'SELECT fingerprint, ids FROM request WHERE key = ? AND expires > ?',
  saveRequest: 'INSERT OR REPLACE INTO request (key, fingerprint, ids, expires) VALUES (?, ?, ?, ?)',
  deleteExpiredRequests:
    'DELETE FROM request WHERE rowid IN (SELECT rowid FROM request WHERE expires <= ? ORDER BY expires LIMIT ?)',
  findRate: 'SELECT full_at FROM rate WHERE name = ?',
  saveRate: 'INSERT OR REPLACE INTO rate (name, full_at) VALUES (?, ?)',
  deleteFullRates:
    'DELETE FROM rate WHERE rowid IN (SELECT rowid FROM rate WHERE full_at <= ? ORDER BY full_at LIMIT ?)',
} as const;

function prepareStatements(db: DatabaseSync): SqliteStatements {
  const prepared = Object.entries(texts).map(([name, text]) => [name, db.prepare(text)] as const);
  return Object.fromEntries(prepared) as SqliteStatements;
}
