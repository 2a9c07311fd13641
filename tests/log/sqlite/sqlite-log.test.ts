import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultRules, keyLifeMs } from '../../../lib/log/event-log.ts';
import { openSqliteStore } from '../../../lib/log/sqlite/database.ts';
import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { listen } from '../../support/log/listener.ts';
import {
  about,
  appendTo,
  lastEvent,
  newEvent,
  newEvents,
  range,
  readAll,
  seqs,
  stateOf,
  store,
  subjectsOf,
} from '../../support/log/log-steps.ts';
import { openSqliteHarness } from '../../support/log/sqlite-harness.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';
import { describeEventLog } from '../contract.ts';

describeEventLog('SQLite file', () => openSqliteHarness('file'));
describeEventLog('SQLite in memory', () => openSqliteHarness(':memory:'));

/** The tables as the first versions of this project made them. */
const tablesOfVersion1 = `
  CREATE TABLE event (
    channel TEXT NOT NULL, time INTEGER NOT NULL, seq INTEGER NOT NULL, epoch TEXT NOT NULL, type TEXT NOT NULL,
    data TEXT NOT NULL, PRIMARY KEY (channel, time, seq)
  ) STRICT;
  CREATE TABLE request (
    key TEXT NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL, ids TEXT NOT NULL, expires INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX request_by_expiry ON request (expires);
`;
const tablesAddedByVersion2 = `
  CREATE TABLE rate (name TEXT NOT NULL PRIMARY KEY, full_at REAL NOT NULL) STRICT;
  CREATE INDEX rate_by_full_at ON rate (full_at);
`;

describe('embedded log', () => {
  let folder: ReturnType<typeof makeTemporaryFolder>;
  let nowMs: number;
  const path = () => join(folder.path, 'feed.db');
  const open = (retention = 100) =>
    createSqliteLog({ file: path(), retention, clock: { now: () => nowMs }, random: () => 0 });

  const countRows = (table: 'request' | 'rate' | 'latest' | 'event') => {
    const file = new DatabaseSync(path());
    const row = file.prepare(`SELECT count(*) AS count FROM ${table}`).get();
    file.close();
    return row?.count;
  };

  beforeEach(() => {
    folder = makeTemporaryFolder();
    nowMs = 1_763_841_234_567;
  });
  afterEach(() => folder[Symbol.dispose]());

  test('an id has the time of the clock, and an epoch comes from the random numbers', async () => {
    const log = open();

    const ids = await appendTo(log, 'feed', 2);

    expect(ids).toEqual(['1763841234567-1', '1763841234567-2']);
    expect((await stateOf(log, 'feed')).epoch).toBe('aaaaaa');
    log.close();
  });

  test('a file that is opened again continues where it ended', async () => {
    const first = open();
    await appendTo(first, 'feed', 3);
    const state = await stateOf(first, 'feed');
    first.close();

    const log = createSqliteLog({ file: path(), retention: 100 });
    await appendTo(log, 'feed', 2);

    expect(seqs(await readAll(log, 'feed'))).toEqual(range(1, 5));
    expect((await stateOf(log, 'feed')).epoch).toBe(state.epoch);
    log.close();
  });

  test('the first of the last 100,000 events is found without reading all of them', async () => {
    const log = open(100_000);
    for (const _ of range(1, 200)) {
      await log.append({ events: newEvents('feed', 500), key: null });
      nowMs += 100;
    }
    const timeOf = async (count: number) => {
      const since = performance.now();
      await log.read('feed', { kind: 'last', count }, 1);
      return performance.now() - since;
    };
    const ratios: number[] = [];
    for (const _ of range(1, 15)) ratios.push((await timeOf(100_000)) / (await timeOf(1)));

    // Counting all of them would take about 60 times as long as finding the last.
    expect(ratios.toSorted((one, other) => one - other)[7]).toBeLessThan(15);
    log.close();
  });

  test('timers keep running while a reader reads one large page after the other', async () => {
    const log = open();
    await log.append({ events: range(1, 14).map(() => newEvent('feed', 'x'.repeat(60_000))), key: null });
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 1);
    // As many reads take much longer than three slices on any machine.
    for (let reads = 0; ticks < 3 && reads < 3_000; reads += 1) {
      await log.read('feed', { kind: 'newest' }, 500);
    }

    clearInterval(timer);
    expect(ticks).toBe(3);
    log.close();
  });

  test('a key is remembered for 24 h, also by a process that started later', async () => {
    const request = { events: newEvents('feed', 2), key: { name: 'k', fingerprint: 'f' } };
    const first = open();
    const { ids } = await first.append(request);
    first.close();
    const log = open();

    nowMs += keyLifeMs - 1;
    expect(await log.append(request)).toEqual({ ids, duplicate: true });
    nowMs += 1;
    expect((await log.append(request)).duplicate).toBe(false);
    log.close();
  });

  test('after 24 h a key can be used for other events', async () => {
    const log = open();
    await log.append({ events: newEvents('feed', 1), key: { name: 'k', fingerprint: 'f1' } });
    nowMs += keyLifeMs;

    const answer = await log.append({ events: newEvents('feed', 2), key: { name: 'k', fingerprint: 'f2' } });

    expect(seqs(answer.ids)).toEqual([2, 3]);
    log.close();
  });

  test('each append deletes a few expired keys', async () => {
    const log = open();
    const appendWithKey = (name: string) =>
      log.append({ events: newEvents('feed', 1), key: { name, fingerprint: 'f' } });
    for (const turn of range(1, 100)) await appendWithKey(`old-${turn}`);
    nowMs += keyLifeMs;

    for (const turn of range(1, 5)) await appendWithKey(`new-${turn}`);

    expect(countRows('request')).toBe(5);
    log.close();
  });

  test('each append deletes a few rate limits whose allowance is full again', async () => {
    const log = open();
    const append = (name: string) =>
      log.append({ events: newEvents('feed', 1), key: null, limits: [{ name, perSecond: 1, burst: 500 }] });
    for (const turn of range(1, 100)) await append(`old-${turn}`);
    nowMs += 1_000;

    for (const turn of range(1, 5)) await append(`new-${turn}`);

    expect(countRows('rate')).toBe(5);
    log.close();
  });

  test('a publisher has one row, however much it stores', async () => {
    const log = open();
    const limits = [{ name: 'a', perSecond: 1, burst: 500 }];

    for (const _ of range(1, 100)) await log.append({ events: newEvents('feed', 1), key: null, limits });

    expect(countRows('rate')).toBe(1);
    log.close();
  });

  test('a limit also holds in a process that started later', async () => {
    const limits = [{ name: 'a', perSecond: 1, burst: 500 }];
    const first = open();
    await first.append({ events: newEvents('feed', 500), key: null, limits });
    first.close();
    const log = open();

    const refused = log.append({ events: newEvents('feed', 60), key: null, limits });

    await expect(refused).rejects.toMatchObject({ code: 'rate-limited', retryAfterSeconds: 60 });
    nowMs += 60_000;
    await log.append({ events: newEvents('feed', 60), key: null, limits });
    log.close();
  });

  test.each([
    ['1', tablesOfVersion1, 1],
    ['2', `${tablesOfVersion1} ${tablesAddedByVersion2}`, 2],
  ])(
    'a file of version %s keeps its events and keys, and takes subjects and rate limits',
    async (_, tables, version) => {
      const file = new DatabaseSync(path());
      file.exec(`PRAGMA journal_mode = WAL; ${tables} PRAGMA user_version = ${version}`);
      file.exec(`
      INSERT INTO event VALUES ('feed', 1763841234000, 1, 'as98kw', 'message', '"old"');
      INSERT INTO event VALUES ('feed', 1763841234000, 2, 'as98kw', 'message', '2');
      INSERT INTO request VALUES ('k', 'f', '1763841234000-1', 9007199254740991);
    `);
      file.close();

      const log = open();
      const limits = [{ name: 'a', perSecond: 1, burst: 500 }];
      await log.append({ events: [about('a', 1, { ttlMs: 1_000 })], key: null, limits });

      expect(await readAll(log, 'feed')).toEqual([
        { id: { time: 1_763_841_234_000, seq: 1 }, type: 'message', data: '"old"' },
        { id: { time: 1_763_841_234_000, seq: 2 }, type: 'message', data: '2' },
        {
          id: { time: nowMs, seq: 3 },
          type: 'message',
          data: '1',
          attributes: { subject: 'a', ttlMs: 1_000 },
        },
      ]);
      expect((await stateOf(log, 'feed')).epoch).toBe('as98kw');
      expect(await subjectsOf(log)).toEqual({ a: 1 });
      const again = { events: newEvents('feed', 1), key: { name: 'k', fingerprint: 'f' } };
      expect((await log.append(again)).duplicate).toBe(true);
      log.close();
    },
  );

  test('a channel whose time is over leaves the file, a part with each append, and its readers see none of it', async () => {
    const log = createSqliteLog({
      file: path(),
      clock: { now: () => nowMs },
      rules: () => ({ ...defaultRules(10_000), expireAfterEndSeconds: 60 }),
    });
    await appendTo(log, 'job', 900);
    await store(log, ...range(1, 450).map((n) => about(`s${n}`, n, { channel: 'job' })));
    await store(log, lastEvent('job'));
    nowMs += 60_000;

    await appendTo(log, 'feed', 1);

    expect(countRows('latest')).toBeGreaterThan(0);
    expect((await log.ends(['job'])).get('job')).toBeNull();
    for (const _ of range(1, 20)) await appendTo(log, 'feed', 1);
    expect(countRows('latest')).toBe(0);
    expect(countRows('event')).toBe(21);
    log.close();
  });

  test('expired subjects leave the file', async () => {
    const log = open();
    await store(log, ...range(1, 100).map((n) => about(`s${n}`, n, { ttlMs: 1_000 })));
    nowMs += 1_000;

    for (const _ of range(1, 10)) await store(log, about('a', 1));

    expect(countRows('latest')).toBe(1);
    log.close();
  });

  test('after retention was lowered, each append removes a part of the old events', async () => {
    const before = open(5_000);
    await appendTo(before, 'feed', 3_000);
    before.close();
    const log = open(10);

    await appendTo(log, 'feed', 1);
    const { first } = await stateOf(log, 'feed');
    for (const _ of range(1, 20)) await appendTo(log, 'feed', 1);

    expect(first.seq).toBeGreaterThan(1);
    expect(first.seq).toBeLessThan(500);
    expect(seqs(await readAll(log, 'feed'))).toEqual(range(3_012, 3_021));
    log.close();
  });

  test('the file is in WAL mode with synchronous NORMAL: it survives the end of the process, and others can read it meanwhile', () => {
    const log = open();
    const { db, release } = openSqliteStore(path());

    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 1 });
    release();
    log.close();
  });

  test('the same file by another path is the same log', async () => {
    const log = open();
    symlinkSync(path(), join(folder.path, 'link.db'));
    const listener = await listen(log, 'feed');

    const other = createSqliteLog({ file: join(folder.path, '.', 'link.db'), retention: 100 });
    await appendTo(other, 'feed', 2);

    expect(seqs(listener.events())).toEqual([1, 2]);
    other.close();
    log.close();
  });

  test('logs in memory are independent of each other', async () => {
    const [one, two] = [1, 2].map(() => createSqliteLog({ file: ':memory:', retention: 10 }));
    if (!one || !two) throw new Error('two logs');

    await appendTo(one, 'feed', 3);

    expect((await two.ends(['feed'])).get('feed')).toBeNull();
    one.close();
    two.close();
  });

  test('after close a log refuses, other logs on the file go on, and a second close does nothing', async () => {
    const [gone, stays] = [open(), open()];
    gone.close();
    gone.close();

    await expect(appendTo(gone, 'feed', 1)).rejects.toMatchObject({ code: 'log-unavailable' });
    await expect(gone.read('feed', { kind: 'newest' }, 1)).rejects.toMatchObject({ code: 'log-unavailable' });
    await expect(gone.ends([])).rejects.toMatchObject({ code: 'log-unavailable' });
    await appendTo(stays, 'feed', 1);
    stays.close();
  });
});
