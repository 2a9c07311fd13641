import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventLog, FollowSignal } from '../../../lib/log/event-log.ts';
import { openSqliteStore, type SqliteStore } from '../../../lib/log/sqlite/database.ts';
import { createSqliteFollowers, createSqliteWatch, watchEveryMs } from '../../../lib/log/sqlite/followers.ts';
import { createLogOnStore, createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { appendTo, newEvent } from '../../support/log/log-steps.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

describe('following a file', () => {
  let folder: ReturnType<typeof makeTemporaryFolder>;
  let store: SqliteStore;
  let log: EventLog;
  const path = () => join(folder.path, 'feed.db');

  beforeEach(() => {
    vi.useFakeTimers();
    folder = makeTemporaryFolder();
    store = openSqliteStore(path());
    log = createLogOnStore(store, { retention: 100 });
  });
  afterEach(() => {
    log.close();
    folder[Symbol.dispose]();
    vi.useRealTimers();
  });

  /** How many timers there are, besides that of the last step, which ends after a millisecond. */
  function timers(): number {
    vi.advanceTimersByTime(1);
    return vi.getTimerCount();
  }

  /** Follows `feed`; returns the kinds of the signals so far, and a way to stop. */
  async function follow(on: EventLog = log) {
    const signals: string[] = [];
    const abort = new AbortController();
    on.follow('feed', (signal) => signals.push(signal.kind), abort.signal);
    await Promise.resolve();
    return { signals, stop: () => abort.abort() };
  }

  /** Writes to the file as another process would: over a connection of its own. */
  function writeFromOutside() {
    const db = new DatabaseSync(path());
    db.exec(
      "INSERT INTO event (channel, time, seq, epoch, type, data) VALUES ('other', 1, 1, 'aaaaaa', 'message', 'null')",
    );
    db.close();
  }

  test('an append of this process is reported at once, and never as unsure', async () => {
    const { signals } = await follow();

    await appendTo(createSqliteLog({ file: path(), retention: 100 }), 'feed', 1);
    expect(signals).toEqual(['connected', 'events']);
    vi.advanceTimersByTime(10 * watchEveryMs);

    expect(signals).toEqual(['connected', 'events']);
  });

  test('a write of another process is reported as unsure, once, within 250 ms', async () => {
    const { signals } = await follow();
    writeFromOutside();
    expect(signals).toEqual(['connected']);

    vi.advanceTimersByTime(250);
    expect(signals).toEqual(['connected', 'unsure']);
    vi.advanceTimersByTime(10 * watchEveryMs);

    expect(signals).toEqual(['connected', 'unsure']);
  });

  test('an append of this process does not hide an earlier write of another', async () => {
    const { signals } = await follow();

    writeFromOutside();
    await appendTo(log, 'feed', 1);
    vi.advanceTimersByTime(watchEveryMs);

    expect(signals).toEqual(['connected', 'events', 'unsure']);
  });

  test('the file is watched only while it has a follower', async () => {
    expect(timers()).toBe(0);
    const [one, two] = [await follow(), await follow()];
    expect(timers()).toBe(1);

    one.stop();
    expect(timers()).toBe(1);
    two.stop();

    expect(timers()).toBe(0);
  });

  test('a closed log ends its own followers without a signal, and not those of other logs', async () => {
    const other = createSqliteLog({ file: path(), retention: 100 });
    const [gone, stays] = [await follow(), await follow(other)];

    log.close();
    await appendTo(other, 'feed', 1);

    expect(gone.signals).toEqual(['connected']);
    expect(stays.signals).toEqual(['connected', 'events']);
    other.close();
    expect(timers()).toBe(0);
  });

  test('a follower of a closed log gets lost', async () => {
    log.close();

    expect((await follow()).signals).toEqual(['lost']);
  });

  test('a follower of a closed log that has already aborted gets nothing', async () => {
    const signals: unknown[] = [];
    log.close();

    log.follow('feed', (signal) => signals.push(signal), AbortSignal.abort());
    await Promise.resolve();

    expect(signals).toEqual([]);
  });

  test('a follower that aborts at connected gets nothing more, and the file is not watched for it', async () => {
    const signals: string[] = [];
    const abort = new AbortController();
    const abortAndAppend = (signal: FollowSignal) => {
      signals.push(signal.kind);
      abort.abort();
      void log.append({ events: [newEvent('feed')], key: null });
    };

    log.follow('feed', abortAndAppend, abort.signal);
    await Promise.resolve();

    expect(signals).toEqual(['connected']);
    expect(timers()).toBe(0);
  });

  test('when the file can no longer be watched, its followers get lost, once', async () => {
    const { signals } = await follow();
    store.db.close();

    vi.advanceTimersByTime(10 * watchEveryMs);

    expect(signals).toEqual(['connected', 'lost']);
    expect((await follow()).signals).toEqual(['lost']);
    store.db.open();
  });

  test('a follower that appends during a signal does not change the order for others', async () => {
    const orders: number[][] = [[], []];
    const watchSeqs = (order: number[] | undefined) => (signal: FollowSignal) => {
      if (signal.kind !== 'events') return;
      if (signal.events[0]?.id.seq === 1) void log.append({ events: [newEvent('feed')], key: null });
      for (const event of signal.events) order?.push(event.id.seq);
    };
    for (const order of orders) log.follow('feed', watchSeqs(order), new AbortController().signal);
    await Promise.resolve();

    await appendTo(log, 'feed', 1);

    expect(orders).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });
});

describe('a watch of a file that another process has locked', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test('goes on, and reports the change when the lock is gone', () => {
    using folder = makeTemporaryFolder();
    const [db, other] = [1, 2].map(() => new DatabaseSync(join(folder.path, 'feed.db')));
    if (!db || !other) throw new Error('two connections');
    const reports: unknown[] = [];
    const watch = createSqliteWatch(
      db,
      () => reports.push('change'),
      (cause) => reports.push(cause),
    );
    watch.start();

    // Without WAL this lock keeps readers out too.
    other.exec('BEGIN EXCLUSIVE; CREATE TABLE any (x)');
    vi.advanceTimersByTime(3 * watchEveryMs);
    expect(reports).toEqual([]);
    other.exec('COMMIT');
    vi.advanceTimersByTime(watchEveryMs);

    expect(reports).toEqual(['change']);
    watch.stop();
    for (const each of [db, other]) each.close();
  });
});

test('a follower that got lost gets nothing more, whatever other followers do at lost', () => {
  const followers = createSqliteFollowers();
  const signals: string[] = [];
  followers.add('feed', (signal) => {
    if (signal.kind === 'lost') followers.notify('feed', { kind: 'unsure' });
  });
  followers.add('feed', (signal) => signals.push(signal.kind));

  followers.notifyAll({ kind: 'lost', cause: null });

  expect(signals).toEqual(['connected', 'lost']);
  expect(followers.count()).toBe(0);
});

describe('a follower that throws', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('does not disturb the others, and its error is thrown as uncaught', () => {
    const raised: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (raise: () => void) => raised.push(raise));
    const followers = createSqliteFollowers();
    const signals: string[] = [];
    followers.add('feed', () => {
      throw new Error('defect');
    });
    followers.add('feed', (signal) => signals.push(signal.kind));

    followers.notify('feed', { kind: 'unsure' });

    expect(signals).toEqual(['connected', 'unsure']);
    expect(raised).toHaveLength(2);
    expect(raised[0]).toThrow('defect');
  });
});
