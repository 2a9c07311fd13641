import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { FeedError } from '../../core/feed-error.ts';
import type { FollowSignal } from '../event-log.ts';
import { createSqliteFollowers, createSqliteWatch, type SqliteFollowers } from './followers.ts';

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

/** Version of the tables below, kept in the file as `user_version`. */
export const schemaVersion = 2;

/*
 * The key of an event is its id, so that id order, the order of every read, is the index's order. The epoch is
 * kept with every event: what is left of a log then says by itself which life it belongs to. The rowid stays,
 * because rows of 64 KiB make a table without one several times slower.
 */
const events = `
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

/** What version 2 adds: of each rate limit's name the time at which its allowance is full again, Unix time in ms. */
const rates = `
  CREATE TABLE rate (
    name TEXT NOT NULL PRIMARY KEY,
    full_at REAL NOT NULL
  ) STRICT;
  CREATE INDEX rate_by_full_at ON rate (full_at);
`;

/** Asks for the tables of version 1, and so fails in the file of another program that counts its versions. */
const proof = 'SELECT 1 FROM event, request LIMIT 0;';

/** What makes a file of each older version one of this. */
const upgrades: Readonly<Record<number, string>> = { 0: events + rates, 1: proof + rates };

/**
 * Makes the tables in a new file, and those that an older one lacks.
 * @throws FeedError `misconfigured` when a newer version of this feed has written the file, or something else has.
 */
function prepareSchema(db: DatabaseSync): void {
  if (readVersion(db) === schemaVersion) return;
  // Two processes may open a new file at once: look again, with the write lock in hand.
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
    `FEED_DB: the file has schema version ${found}; allowed is version 1 to ${schemaVersion}, or a file that does not exist yet`,
  );
}

/** Every question the embedded log asks, prepared once. Ids are compared as pairs: by time first, then by seq. */
export type SqliteStatements = Readonly<Record<keyof typeof texts, StatementSync>>;

const event = 'SELECT time, seq, epoch, type, data FROM event WHERE channel = ?';

const texts = {
  beginRead: 'BEGIN DEFERRED',
  beginWrite: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  first: 'SELECT time, seq FROM event WHERE channel = ? ORDER BY time, seq LIMIT 1',
  last: 'SELECT time, seq, epoch FROM event WHERE channel = ? ORDER BY time DESC, seq DESC LIMIT 1',
  nth: 'SELECT time, seq FROM event WHERE channel = ? ORDER BY time, seq LIMIT 1 OFFSET ?',
  firstSince: 'SELECT time, seq FROM event WHERE channel = ? AND time >= ? ORDER BY time, seq LIMIT 1',
  after: `${event} AND (time, seq) > (?, ?) ORDER BY time, seq LIMIT ?`,
  before: `${event} AND (time, seq) < (?, ?) ORDER BY time DESC, seq DESC LIMIT ?`,
  newest: `${event} ORDER BY time DESC, seq DESC LIMIT ?`,
  from: `${event} AND (time, seq) >= (?, ?) ORDER BY time, seq LIMIT ?`,
  since: `${event} AND time >= ? ORDER BY time, seq LIMIT ?`,
  insert: 'INSERT INTO event (channel, time, seq, epoch, type, data) VALUES (?, ?, ?, ?, ?, ?)',
  trim: 'DELETE FROM event WHERE channel = ? AND (time, seq) <= (?, ?)',
  findRequest: 'SELECT fingerprint, ids FROM request WHERE key = ? AND expires > ?',
  rememberRequest: 'INSERT OR REPLACE INTO request (key, fingerprint, ids, expires) VALUES (?, ?, ?, ?)',
  forgetRequests:
    'DELETE FROM request WHERE rowid IN (SELECT rowid FROM request WHERE expires <= ? ORDER BY expires LIMIT ?)',
  findRate: 'SELECT full_at FROM rate WHERE name = ?',
  rememberRate: 'INSERT OR REPLACE INTO rate (name, full_at) VALUES (?, ?)',
  forgetRates:
    'DELETE FROM rate WHERE rowid IN (SELECT rowid FROM rate WHERE full_at <= ? ORDER BY full_at LIMIT ?)',
} as const;

/** Prepares them all. */
export function prepareStatements(db: DatabaseSync): SqliteStatements {
  const prepared = Object.entries(texts).map(([name, text]) => [name, db.prepare(text)] as const);
  return Object.fromEntries(prepared) as SqliteStatements;
}

/** What SQLite's primary result codes mean here, in our own words (https://sqlite.org/rescode.html). */
const words: Readonly<Record<number, string>> = {
  1: 'its file holds something else',
  5: 'its file is locked by another process',
  6: 'its file is locked by another process',
  8: 'its file is read-only',
  10: 'its file cannot be read or written',
  11: 'its file is damaged',
  13: 'the disk is full',
  14: 'its file cannot be opened',
  26: 'its file is not a database',
};

/** The driver's error as one of ours; the driver's own text stays in the cause. */
export function toLogUnavailable(cause: unknown): FeedError {
  if (cause instanceof FeedError) return cause;
  const what = words[resultCode(cause) ?? 0] ?? 'it failed';
  return new FeedError('log-unavailable', `embedded log: ${what}`, { cause });
}

/**
 * The driver's error as one that names the setting. A lock passes by itself, so it is `log-unavailable`;
 * everything else needs a hand and is `misconfigured`.
 */
export function toCannotOpen(cause: unknown): FeedError {
  if (cause instanceof FeedError) return cause;
  const code = resultCode(cause) ?? 14;
  if (code === 5 || code === 6) return toLogUnavailable(cause);
  return new FeedError(
    'misconfigured',
    `FEED_DB: the embedded log cannot start: ${words[code] ?? 'it failed'}; allowed is the path of a file of this feed, in a folder this process may write, or :memory:`,
    { cause },
  );
}

/** The primary result code, without the extension in its upper bits; null for errors that are not SQLite's. */
function resultCode(cause: unknown): number | null {
  const code = cause instanceof Error && 'errcode' in cause ? cause.errcode : null;
  return typeof code === 'number' ? code & 0xff : null;
}
