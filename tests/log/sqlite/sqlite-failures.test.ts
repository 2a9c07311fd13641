import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FeedError } from '../../../lib/core/feed-error.ts';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { openSqliteStore, type SqliteStore } from '../../../lib/log/sqlite/database.ts';
import { toLogError, toOpenError } from '../../../lib/log/sqlite/errors.ts';
import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { appendTo, newEvent, readAll, seqs } from '../../support/log/log-steps.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

let folder: ReturnType<typeof makeTemporaryFolder>;
const at = (name: string) => join(folder.path, name);

beforeEach(() => {
  folder = makeTemporaryFolder();
});
afterEach(() => folder[Symbol.dispose]());

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

  const accidents: readonly {
    readonly name: string;
    readonly file: () => string;
    readonly reason: string;
  }[] = [
    {
      name: 'text',
      file: () => {
        writeFileSync(at('feed.db'), 'not a database '.repeat(100));
        return at('feed.db');
      },
      reason: 'its file is not an SQLite database.',
    },
    {
      name: 'a folder',
      file: () => {
        mkdirSync(at('feed.db'));
        return at('feed.db');
      },
      reason: 'its file cannot be opened.',
    },
    {
      name: 'a path below a file',
      file: () => {
        writeFileSync(at('file'), '');
        return at('file/feed.db');
      },
      reason: 'its file cannot be opened.',
    },
    {
      name: 'the database of another program',
      file: () => {
        makeDatabase('CREATE TABLE event (x)');
        return at('feed.db');
      },
      reason: 'its file is not a database of this feed.',
    },
    ...[1, 2].map((version) => ({
      name: `the database of another program that is at its version ${version}`,
      file: () => {
        makeDatabase(`CREATE TABLE other (x); PRAGMA user_version = ${version}`);
        return at('feed.db');
      },
      reason: 'its file is not a database of this feed.',
    })),
    { name: 'an empty path', file: () => '', reason: 'its file cannot be opened.' },
    { name: 'a path with a NUL', file: () => 'a\0b', reason: 'its file cannot be opened.' },
  ];

  test.each(accidents)('$name: the error names FEED_DB, the reason and what to do', ({ file, reason }) => {
    const error = refusal(file());

    expect(error).toMatchObject({ code: 'misconfigured', cause: expect.any(Error) });
    expect(error.message).toBe(
      `FEED_DB: The embedded log cannot start: ${reason} Set FEED_DB to the path of a feed's file in a folder that this process may write, or to :memory:.`,
    );
  });

  test('a refused file is closed again', () => {
    makeDatabase('PRAGMA user_version = 1');

    expect(refusal(at('feed.db')).message).toContain('its file is not a database of this feed.');

    expect(readdirSync(folder.path)).toEqual(['feed.db']);
  });

  test('the database of another program stays unchanged', () => {
    makeDatabase('CREATE TABLE other (x); PRAGMA user_version = 1');

    refusal(at('feed.db'));

    const db = new DatabaseSync(at('feed.db'));
    expect(db.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'other' }]);
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
    db.close();
  });

  test('a file of a newer version of this feed is refused, and stays unchanged', () => {
    makeDatabase('PRAGMA user_version = 4; CREATE TABLE newer (x)');

    const error = refusal(at('feed.db'));

    expect(error.code).toBe('misconfigured');
    expect(error.message).toBe(
      'FEED_DB: The file has schema version 4, but this server can read versions 1 to 3. Run the newer version that wrote the file, or set FEED_DB to another file.',
    );
    const db = new DatabaseSync(at('feed.db'));
    expect(db.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'newer' }]);
    db.close();
  });
});

describe('a driver error', () => {
  const driverError = (errcode: number) => Object.assign(new Error('SQL of the driver'), { errcode });

  test.each([
    [6 + (1 << 8), 'another process has locked its file for more than 2 s. Try again.'],
    [8 + (4 << 8), 'its file is read-only. Allow this process to write it.'],
    [10 + (3 << 8), 'its file cannot be read or written. Check the disk.'],
    [13, 'the disk is full. Free some space.'],
    [19, 'SQLite reported an error.'],
  ])('%i is reported without the text of the driver: %s', (errcode, reason) => {
    const cause = driverError(errcode);

    expect(toLogError(cause)).toMatchObject({ message: `The embedded log failed: ${reason}`, cause });
  });

  test('a locked file at opening is a temporary failure, not a wrong setting', () => {
    expect(toOpenError(driverError(5)).code).toBe('log-unavailable');
    expect(toOpenError(driverError(14)).code).toBe('misconfigured');
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
  const unavailable = (reason: string) => ({
    code: 'log-unavailable',
    message: `The embedded log failed: ${reason}`,
  });

  test('on a full disk an append is refused; with space again the log goes on', async () => {
    store.db.exec('PRAGMA max_page_count = 1');
    const tooMuch = append('x'.repeat(60_000));
    await expect(tooMuch).rejects.toMatchObject({
      ...unavailable('the disk is full. Free some space.'),
      cause: { errcode: 13 },
    });

    store.db.exec('PRAGMA max_page_count = 100000');
    await append();

    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3, 4]);
  });

  test('in a read-only file, appends are refused and reads work', async () => {
    store.db.exec('PRAGMA query_only = 1');

    await expect(append()).rejects.toMatchObject(
      unavailable('its file is read-only. Allow this process to write it.'),
    );

    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3]);
  });

  test('in a damaged file, reads, appends and the health check fail', async () => {
    log.close();
    store.release();
    const file = openSync(at('feed.db'), 'r+');
    writeSync(file, Buffer.alloc(4_096 * 3, 0xab), 0, 4_096 * 3, 4_096);
    closeSync(file);
    log = createSqliteLog({ file: at('feed.db'), retention: 1_000 });
    store = openSqliteStore(at('feed.db'));

    await expect(append()).rejects.toMatchObject(
      unavailable('its file is damaged. Restore a backup, or delete the file to start with an empty feed.'),
    );
    const read = log.read('feed', { kind: 'newest' }, 1);
    await expect(read).rejects.toMatchObject(
      unavailable('its file is damaged. Restore a backup, or delete the file to start with an empty feed.'),
    );
    await expect(log.ends([])).rejects.toMatchObject(
      unavailable('its file is damaged. Restore a backup, or delete the file to start with an empty feed.'),
    );
  });

  test('after its file was deleted a log stores nothing, because nobody would read it again', async () => {
    const reason = 'its file was deleted or replaced. Restart the server.';
    rmSync(at('feed.db'));

    await expect(append()).rejects.toMatchObject(unavailable(reason));
    await expect(log.ends([])).rejects.toMatchObject(unavailable(reason));
  });

  test('a new file at the path of a deleted one is another log', async () => {
    rmSync(at('feed.db'));
    const next = createSqliteLog({ file: at('feed.db'), retention: 1_000 });

    await appendTo(next, 'feed', 1);

    expect(seqs(await readAll(next, 'feed'))).toEqual([1]);
    await expect(append()).rejects.toMatchObject({ code: 'log-unavailable' });
    next.close();
  });
});
