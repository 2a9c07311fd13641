import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FeedError } from '../../../lib/core/feed-error.ts';
import type { EventLog } from '../../../lib/log/event-log.ts';
import {
  openSqliteStore,
  type SqliteStore,
  toCannotOpen,
  toLogUnavailable,
} from '../../../lib/log/sqlite/database.ts';
import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { appendTo, newEvent, readAll, seqs } from '../../support/log/log-steps.ts';
import { makeFolder } from '../../support/log/sqlite-harness.ts';

let folder: ReturnType<typeof makeFolder>;
const at = (name: string) => join(folder.folder, name);

beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

describe('a file that cannot be used', () => {
  const refusal = (file: string): FeedError => {
    try {
      createSqliteLog({ file, retention: 10 }).close();
    } catch (error) {
      if (error instanceof FeedError) return error;
      throw error;
    }
    throw new Error('it was opened');
  };
  const makeDatabase = (sql: string) => {
    const db = new DatabaseSync(at('feed.db'));
    db.exec(sql);
    db.close();
  };

  const accidents: readonly { readonly name: string; readonly file: () => string; readonly says: string }[] =
    [
      {
        name: 'text',
        file: () => {
          writeFileSync(at('feed.db'), 'not a database '.repeat(100));
          return at('feed.db');
        },
        says: 'its file is not a database',
      },
      {
        name: 'a folder',
        file: () => {
          mkdirSync(at('feed.db'));
          return at('feed.db');
        },
        says: 'its file cannot be opened',
      },
      {
        name: 'a path below a file',
        file: () => {
          writeFileSync(at('file'), '');
          return at('file/feed.db');
        },
        says: 'its file cannot be opened',
      },
      {
        name: 'the database of another program',
        file: () => {
          makeDatabase('CREATE TABLE event (x)');
          return at('feed.db');
        },
        says: 'its file holds something else',
      },
      {
        name: 'the database of another program that counts its versions',
        file: () => {
          makeDatabase('CREATE TABLE other (x); PRAGMA user_version = 1');
          return at('feed.db');
        },
        says: 'its file holds something else',
      },
      { name: 'an empty path', file: () => '', says: 'its file cannot be opened' },
      { name: 'a path with a NUL', file: () => 'a\0b', says: 'its file cannot be opened' },
    ];

  test.each(accidents)('$name: the error names FEED_DB and what is allowed', ({ file, says }) => {
    const error = refusal(file());

    expect(error).toMatchObject({ code: 'misconfigured', cause: expect.any(Error) });
    expect(error.message).toBe(
      `FEED_DB: the embedded log cannot start: ${says}; allowed is the path of a file of this feed, in a folder this process may write, or :memory:`,
    );
  });

  test('a file that was refused is closed again', () => {
    makeDatabase('PRAGMA user_version = 1');

    expect(refusal(at('feed.db')).message).toContain('its file holds something else');

    expect(readdirSync(folder.folder)).toEqual(['feed.db']);
  });

  test('the database of another program is left as it is', () => {
    makeDatabase('CREATE TABLE other (x); PRAGMA user_version = 1');

    refusal(at('feed.db'));

    const db = new DatabaseSync(at('feed.db'));
    expect(db.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'other' }]);
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
    db.close();
  });

  test('a file of a newer version of this feed is refused, and left as it is', () => {
    makeDatabase('PRAGMA user_version = 3; CREATE TABLE newer (x)');

    const error = refusal(at('feed.db'));

    expect(error.code).toBe('misconfigured');
    expect(error.message).toBe(
      'FEED_DB: the file has schema version 3; allowed is version 1 to 2, or a file that does not exist yet',
    );
    const db = new DatabaseSync(at('feed.db'));
    expect(db.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'newer' }]);
    db.close();
  });
});

describe('a driver error', () => {
  const driverError = (errcode: number) => Object.assign(new Error('SQL of the driver'), { errcode });

  test.each([
    [6 + (1 << 8), 'its file is locked by another process'],
    [8 + (4 << 8), 'its file is read-only'],
    [10 + (3 << 8), 'its file cannot be read or written'],
    [13, 'the disk is full'],
    [19, 'it failed'],
  ])('%i is told in our own words: %s', (errcode, why) => {
    const cause = driverError(errcode);

    expect(toLogUnavailable(cause)).toMatchObject({ message: `embedded log: ${why}`, cause });
  });

  test('a lock met while opening passes by itself, and is not a wrong setting', () => {
    expect(toCannotOpen(driverError(5)).code).toBe('log-unavailable');
    expect(toCannotOpen(driverError(14)).code).toBe('misconfigured');
  });
});

describe('a file that fails while it is open', () => {
  let log: EventLog;
  let store: SqliteStore;

  beforeEach(async () => {
    log = createSqliteLog({ file: at('feed.db'), retention: 1_000 });
    store = openSqliteStore(at('feed.db'));
    await appendTo(log, 'feed', 3);
  });
  afterEach(() => {
    log.close();
    store.release();
  });

  const append = (data: unknown = 1) => log.append({ events: [newEvent('feed', data)], key: null });
  const unavailable = (why: string) => ({ code: 'log-unavailable', message: `embedded log: ${why}` });

  test('a full disk refuses the append; with room again the log goes on', async () => {
    store.db.exec('PRAGMA max_page_count = 1');
    const tooMuch = append('x'.repeat(60_000));
    await expect(tooMuch).rejects.toMatchObject({
      ...unavailable('the disk is full'),
      cause: { errcode: 13 },
    });

    store.db.exec('PRAGMA max_page_count = 100000');
    await append();

    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3, 4]);
  });

  test('a file that another process has locked refuses appends, answers reads, and goes on after', async () => {
    store.db.exec('PRAGMA busy_timeout = 0');
    const other = new DatabaseSync(at('feed.db'));
    other.exec('BEGIN IMMEDIATE');

    await expect(append()).rejects.toMatchObject(unavailable('its file is locked by another process'));
    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3]);

    other.exec('ROLLBACK');
    other.close();
    expect(seqs((await append()).ids)).toEqual([4]);
  });

  test('a file that may only be read refuses appends and answers reads', async () => {
    store.db.exec('PRAGMA query_only = 1');

    await expect(append()).rejects.toMatchObject(unavailable('its file is read-only'));

    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3]);
  });

  test('a damaged file refuses reads and appends, and does not pass for well', async () => {
    log.close();
    store.release();
    const file = openSync(at('feed.db'), 'r+');
    writeSync(file, Buffer.alloc(4_096 * 3, 0xab), 0, 4_096 * 3, 4_096);
    closeSync(file);
    log = createSqliteLog({ file: at('feed.db'), retention: 1_000 });
    store = openSqliteStore(at('feed.db'));

    await expect(append()).rejects.toMatchObject(unavailable('its file is damaged'));
    const read = log.read('feed', { kind: 'newest' }, 1);
    await expect(read).rejects.toMatchObject(unavailable('its file is damaged'));
    await expect(log.ends([])).rejects.toMatchObject(unavailable('its file is damaged'));
  });

  test('a file that was deleted takes nothing more, for nobody would read it again', async () => {
    const why = 'its file was deleted or replaced; start the server again';
    rmSync(at('feed.db'));

    await expect(append()).rejects.toMatchObject(unavailable(why));
    await expect(log.ends([])).rejects.toMatchObject(unavailable(why));
  });

  test('a new file in the place of a deleted one is another log', async () => {
    rmSync(at('feed.db'));
    const next = createSqliteLog({ file: at('feed.db'), retention: 1_000 });

    await appendTo(next, 'feed', 1);

    expect(seqs(await readAll(next, 'feed'))).toEqual([1]);
    await expect(append()).rejects.toMatchObject({ code: 'log-unavailable' });
    next.close();
  });
});
