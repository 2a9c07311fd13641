import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { EventLog, FollowSignal } from '../../../lib/log/event-log.ts';
import { openSqliteStore, type SqliteStore } from '../../../lib/log/sqlite/database.ts';
import { createSqliteFollowers, watchEveryMs } from '../../../lib/log/sqlite/followers.ts';
import { createLogOnStore, createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { appendTo, newEvent } from '../../support/log/log-steps.ts';
import { makeFolder } from '../../support/log/sqlite-harness.ts';

describe('following a file', () => {
  let folder: ReturnType<typeof makeFolder>;
  let store: SqliteStore;
  let log: EventLog;
  const path = () => join(folder.folder, 'feed.db');

  beforeEach(() => {
    vi.useFakeTimers();
    folder = makeFolder();
    store = openSqliteStore(path());
    log = createLogOnStore(store, { retention: 100 });
  });
  afterEach(() => {
    log.close();
    folder.remove();
    vi.useRealTimers();
  });

  /** Follows `feed`; gives what was told so far, each in one word, and a way to stop. */
  async function follow(on: EventLog = log) {
    const told: string[] = [];
    const abort = new AbortController();
    on.follow('feed', (signal) => told.push(signal.kind), abort.signal);
    await Promise.resolve();
    return { told, stop: () => abort.abort() };
  }

  /** Writes to the file as another process would: over a connection of its own. */
  function writeFromOutside() {
    const db = new DatabaseSync(path());
    db.exec("INSERT INTO event VALUES ('other', 1, 1, 'aaaaaa', 'message', 'null')");
    db.close();
  }

  test('what this process appends is told at once, and never as unsure', async () => {
    const { told } = await follow();

    await appendTo(createSqliteLog({ file: path(), retention: 100 }), 'feed', 1);
    expect(told).toEqual(['connected', 'events']);
    vi.advanceTimersByTime(10 * watchEveryMs);

    expect(told).toEqual(['connected', 'events']);
  });

  test('what others write to the file is told as unsure, once a write, within 250 ms', async () => {
    const { told } = await follow();
    writeFromOutside();
    expect(told).toEqual(['connected']);

    vi.advanceTimersByTime(250);
    expect(told).toEqual(['connected', 'unsure']);
    vi.advanceTimersByTime(10 * watchEveryMs);

    expect(told).toEqual(['connected', 'unsure']);
  });

  test('an append of this process does not hide what others wrote ahead of it', async () => {
    const { told } = await follow();

    writeFromOutside();
    await appendTo(log, 'feed', 1);
    vi.advanceTimersByTime(watchEveryMs);

    expect(told).toEqual(['connected', 'events', 'unsure']);
  });

  test('the file is watched only while someone follows', async () => {
    expect(vi.getTimerCount()).toBe(0);
    const [one, two] = [await follow(), await follow()];
    expect(vi.getTimerCount()).toBe(1);

    one.stop();
    expect(vi.getTimerCount()).toBe(1);
    two.stop();

    expect(vi.getTimerCount()).toBe(0);
  });

  test('a closed log ends its own followers in silence, and leaves those of others', async () => {
    const other = createSqliteLog({ file: path(), retention: 100 });
    const [gone, stays] = [await follow(), await follow(other)];

    log.close();
    await appendTo(other, 'feed', 1);

    expect(gone.told).toEqual(['connected']);
    expect(stays.told).toEqual(['connected', 'events']);
    other.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a follower of a closed log is told lost', async () => {
    log.close();

    expect((await follow()).told).toEqual(['lost']);
  });

  test('a follower of a closed log whose signal has aborted is told nothing', async () => {
    const told: unknown[] = [];
    log.close();

    log.follow('feed', (signal) => told.push(signal), AbortSignal.abort());
    await Promise.resolve();

    expect(told).toEqual([]);
  });

  test('nobody is called back from inside the call of follow', async () => {
    const told: unknown[] = [];

    log.follow('feed', (signal) => told.push(signal), new AbortController().signal);

    expect(told).toEqual([]);
    await Promise.resolve();
    expect(told).toEqual([{ kind: 'connected' }]);
  });

  test('who aborts while it is told connected hears nothing more, and the file is not watched for it', async () => {
    const told: string[] = [];
    const abort = new AbortController();
    const abortAndAppend = (signal: FollowSignal) => {
      told.push(signal.kind);
      abort.abort();
      void log.append({ events: [newEvent('feed')], key: null });
    };

    log.follow('feed', abortAndAppend, abort.signal);
    await Promise.resolve();

    expect(told).toEqual(['connected']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a file that cannot be watched any more loses its followers, once', async () => {
    const { told } = await follow();
    store.db.close();

    vi.advanceTimersByTime(10 * watchEveryMs);

    expect(told).toEqual(['connected', 'lost']);
    expect((await follow()).told).toEqual(['lost']);
    store.db.open();
  });

  test('a follower that appends while it is told does not change the order for others', async () => {
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

test('who was told lost is told nothing more, whatever others do when they are told', () => {
  const followers = createSqliteFollowers();
  const told: string[] = [];
  followers.add('feed', (signal) => {
    if (signal.kind === 'lost') followers.tell('feed', { kind: 'unsure' });
  });
  followers.add('feed', (signal) => told.push(signal.kind));

  followers.tellAll({ kind: 'lost', cause: null });

  expect(told).toEqual(['connected', 'lost']);
  expect(followers.count()).toBe(0);
});

describe('a follower that throws', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('keeps nothing from the others, and its error is raised', () => {
    const raised: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (raise: () => void) => raised.push(raise));
    const followers = createSqliteFollowers();
    const told: string[] = [];
    followers.add('feed', () => {
      throw new Error('defect');
    });
    followers.add('feed', (signal) => told.push(signal.kind));

    followers.tell('feed', { kind: 'unsure' });

    expect(told).toEqual(['connected', 'unsure']);
    expect(raised).toHaveLength(2);
    expect(raised[0]).toThrow('defect');
  });
});
