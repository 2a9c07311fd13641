import type { DatabaseSync } from 'node:sqlite';
import { FeedError } from '../core/feed-error.ts';

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
export function prepareSchema(db: DatabaseSync): void {
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
