import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { holdLock } from '../../support/log/hold-lock.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, newEvent, newEvents, range, readAll, seqs } from '../../support/log/log-steps.ts';
import type { LockKind } from '../../support/log/sqlite-lock-holder.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** A folder for one file, and the logs on it; they are closed with their scope. */
function useFile(): Disposable & { readonly file: string; open(): EventLog } {
  const folder = makeTemporaryFolder();
  const logs = new Set<EventLog>();
  const file = join(folder.path, 'feed.db');
  return {
    file,
    open() {
      const log = createSqliteLog({ file, retention: 1_000 });
      logs.add(log);
      return log;
    },
    [Symbol.dispose]() {
      for (const log of logs) log.close();
      folder[Symbol.dispose]();
    },
  };
}

const refusal = {
  code: 'log-unavailable',
  message: 'The embedded log failed: another process has locked its file for more than 2 s. Try again.',
};

/** The longest time for which this process could run nothing else while `work` was under way, in ms. */
async function longestPauseMs(work: () => Promise<unknown>): Promise<number> {
  let lastAt = performance.now();
  let longest = 0;
  const beat = () => {
    longest = Math.max(longest, performance.now() - lastAt);
    lastAt = performance.now();
  };
  const timer = setInterval(beat, 10);
  await work();
  clearInterval(timer);
  beat();
  return longest;
}

/** Locks the file over a connection of its own, which SQLite treats as another process; `release` unlocks it at once. */
function lockHere(file: string, kind: LockKind): Disposable & { release(): void } {
  const db = new DatabaseSync(file);
  if (kind === 'all') db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec('PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE');
  const release = () => {
    if (db.isOpen) db.close();
  };
  return { release, [Symbol.dispose]: release };
}

/** Appends one event of `feed`; its data say which call it was. */
const append = (log: EventLog, data: unknown) => log.append({ events: [newEvent('feed', data)], key: null });

const dataOf = async (log: EventLog) => (await readAll(log, 'feed')).map(({ data }) => JSON.parse(data));

/** Stores three events, and closes the file, so that it can be locked. */
async function fill({ open }: ReturnType<typeof useFile>) {
  const log = open();
  await appendTo(log, 'feed', 3);
  log.close();
}

describe.concurrent('a lock of another process that outlasts 2 s', () => {
  test('appends are refused after 2 s, reads work, and the process never stands still', async () => {
    using own = useFile();
    const log = own.open();
    await appendTo(log, 'feed', 3);
    await using _lock = await holdLock(own.file, 'write');
    const startedAt = performance.now();

    const pauseMs = await longestPauseMs(async () => {
      const appends = range(1, 6).map((number) => append(log, number));
      const outcomes = Promise.allSettled(appends);
      await log.ends([]);
      expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3]);
      expect(performance.now() - startedAt).toBeLessThan(1_500);
      const reasons = (await outcomes).map((each) => (each.status === 'rejected' ? each.reason : each));
      expect(reasons).toEqual(range(1, 6).map(() => expect.objectContaining(refusal)));
    });

    expect(performance.now() - startedAt).toBeGreaterThan(1_900);
    expect(pauseMs).toBeLessThan(1_000);
  });

  test('an append that was refused has not used up its key', async () => {
    using own = useFile();
    const log = own.open();
    using lock = lockHere(own.file, 'write');
    const request = { events: newEvents('feed', 2), key: { name: 'k', fingerprint: 'f' } };
    await expect(log.append(request)).rejects.toMatchObject(refusal);
    lock.release();

    expect((await log.append(request)).duplicate).toBe(false);
    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2]);
  });

  test('a log opens under a lock that keeps readers out, and everything waits without stopping the process', async () => {
    using own = useFile();
    await fill(own);
    await using _lock = await holdLock(own.file, 'all');
    const log = own.open();

    const pauseMs = await longestPauseMs(async () => {
      const [read, ends, check, stored] = await Promise.allSettled([
        log.read('feed', { kind: 'newest' }, 10),
        log.ends(['feed']),
        log.ends([]),
        append(log, 4),
      ]);
      for (const outcome of [read, ends, check, stored]) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: refusal });
      }
    });

    expect(pauseMs).toBeLessThan(1_000);
  });

  test('a subscription that cannot start is lost', async () => {
    using own = useFile();
    await fill(own);
    await using _lock = await holdLock(own.file, 'all');
    const log = own.open();

    const signal = await new Promise((resolve) => {
      log.follow('feed', resolve, new AbortController().signal);
    });

    expect(signal).toMatchObject({ kind: 'lost', cause: refusal });
  });
});

describe('a lock of another process that ends sooner', () => {
  test('appends wait in the order of the calls, and are stored in it when the lock is gone', async () => {
    using own = useFile();
    const log = own.open();
    using lock = lockHere(own.file, 'write');
    const appends = range(1, 20).map((number) => append(log, number));
    await sleep(50);
    appends.push(append(log, 21));

    lock.release();
    appends.push(append(log, 22));

    expect((await Promise.all(appends)).flatMap(({ ids }) => seqs(ids))).toEqual(range(1, 22));
    expect(await dataOf(log)).toEqual(range(1, 22));
  });

  test('two requests with the same key that wait store their events once', async () => {
    using own = useFile();
    const log = own.open();
    using lock = lockHere(own.file, 'write');
    const request = { events: newEvents('feed', 2), key: { name: 'k', fingerprint: 'f' } };
    const both = [log.append(request), log.append(request)];
    await sleep(50);

    lock.release();

    const [first, second] = await Promise.all(both);
    expect(first?.duplicate).toBe(false);
    expect(second).toEqual({ ids: first?.ids, duplicate: true });
    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2]);
  });

  test('followers get the events that waited, in the order of the log', async () => {
    using own = useFile();
    const log = own.open();
    const listener = await listen(log, 'feed');
    using lock = lockHere(own.file, 'write');
    const appends = range(1, 5).map((number) => append(log, number));
    await sleep(50);

    lock.release();
    await Promise.all(appends);

    expect(seqs(listener.events())).toEqual(range(1, 5));
  });

  test('a log that is closed refuses what waits', async () => {
    using own = useFile();
    const log = own.open();
    await using _lock = await holdLock(own.file, 'write');
    const waiting = append(log, 1);
    await sleep(20);

    log.close();

    await expect(waiting).rejects.toMatchObject({
      message: 'The embedded log failed: it is closed.',
    });
  });

  test('a read, an append and a subscription that wait go on when the lock is gone', async () => {
    using own = useFile();
    await fill(own);
    using lock = lockHere(own.file, 'all');
    const log = own.open();
    const listening = listen(log, 'feed');
    const reading = log.read('feed', { kind: 'newest' }, 10);
    const appending = append(log, 4);
    await sleep(50);

    lock.release();

    expect(seqs((await reading).events).slice(0, 3)).toEqual([1, 2, 3]);
    expect(seqs((await appending).ids)).toEqual([4]);
    expect((await listening).signals[0]).toEqual({ kind: 'connected' });
  });

  test.each(['write', 'all'] as const)('gets its tables when the lock is gone: %s', async (kind) => {
    using own = useFile();
    using lock = lockHere(own.file, kind);
    const log = own.open();
    const appending = append(log, 1);
    await sleep(50);

    lock.release();

    expect(seqs((await appending).ids)).toEqual([1]);
  });

  test('that turns out to be the file of another program is refused then', async () => {
    using own = useFile();
    const other = new DatabaseSync(own.file);
    other.exec('PRAGMA journal_mode = WAL; PRAGMA user_version = 9; BEGIN IMMEDIATE');
    const log = own.open();
    const reading = log.ends(['feed']);
    await sleep(20);

    other.exec('COMMIT');
    other.close();

    await expect(reading).rejects.toMatchObject({ code: 'misconfigured' });
  });
});
