import type { DatabaseSync } from 'node:sqlite';
import { FeedError } from '../core/feed-error.ts';

/** Version of the tables below, kept in the file as `user_version`. */
export const schemaVersion = 1;

/*
 * The key of an event is its id, so that id order, the order of every read, is the index's order. The epoch is
 * kept with every event: what is left of a log then says by itself which life it belongs to. The rowid stays,
 * because rows of 64 KiB make a table without one several times slower.
 */
const tables = `
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

/**
 * Makes the tables in a new file, and holds the version of an old one.
 * @throws FeedError `misconfigured` when a newer version of this feed has written the file, or something else has.
 */
export function prepareSchema(db: DatabaseSync): void {
  if (readVersion(db) === schemaVersion) return;
  // Two processes may open a new file at once: look again, with the write lock in hand.
  db.exec('BEGIN IMMEDIATE');
  try {
    const found = readVersion(db);
    if (found === 0) db.exec(`${tables} PRAGMA user_version = ${schemaVersion}`);
    else if (found !== schemaVersion) throw wrongVersion(found);
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
    `FEED_DB: the file has schema version ${found}; allowed is version ${schemaVersion}, or a file that does not exist yet`,
  );
}
