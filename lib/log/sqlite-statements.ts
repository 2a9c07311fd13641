import type { DatabaseSync, StatementSync } from 'node:sqlite';

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
