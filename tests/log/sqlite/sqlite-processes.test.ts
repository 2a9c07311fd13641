import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSqliteLog } from '../../../lib/log/sqlite/sqlite-log.ts';
import { listen } from '../../support/log/listener.ts';
import { appendTo, range, readAll, seqs } from '../../support/log/log-steps.ts';
import type { ChildOrder, ChildReport } from '../../support/log/sqlite-child.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const boundMs = 15_000;

describe('several processes on one file', () => {
  let folder: ReturnType<typeof makeTemporaryFolder>;
  let children: ChildProcess[];
  const path = () => join(folder.path, 'feed.db');

  beforeEach(() => {
    folder = makeTemporaryFolder();
    children = [];
  });
  afterEach(async () => {
    await Promise.all(children.map(kill));
    folder[Symbol.dispose]();
  });

  /** Starts a process that opens the file, and waits until it has. */
  async function start() {
    const child = fork(new URL('../../support/log/sqlite-child.ts', import.meta.url), [path()], {
      execArgv: [],
      stdio: 'ignore',
    });
    children.push(child);
    const reports: ChildReport[] = [];
    child.on('message', (report: ChildReport) => reports.push(report));
    const reported = (check: (report: ChildReport) => boolean) =>
      vi.waitFor(
        () => {
          const found = reports.find(check);
          expect(found, `a report of ${JSON.stringify(reports)}`).toBeDefined();
          return found as ChildReport;
        },
        { timeout: boundMs, interval: 5 },
      );
    const opened = await reported((report) => report.kind === 'ready' || report.kind === 'failed');
    return { child, opened, reported, order: (order: ChildOrder) => child.send(order) };
  }

  async function kill(child: ChildProcess) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  // `sqlite-follow.test.ts` tests how soon, with time moved by hand; a busy machine would delay real processes.
  test('an append of another process is reported as unsure, and can be read', async () => {
    const log = createSqliteLog({ file: path(), retention: 100 });
    const other = await start();
    const listener = await listen(log, 'feed');
    other.order({ kind: 'append', channel: 'feed', appends: 1, batch: 3 });

    await listener.gets('unsure');

    expect(seqs(await readAll(log, 'feed'))).toEqual([1, 2, 3]);
    log.close();
  });

  test('an append of this process is reported to followers in another', async () => {
    const log = createSqliteLog({ file: path(), retention: 100 });
    const other = await start();
    other.order({ kind: 'follow', channel: 'feed' });
    await other.reported((report) => report.kind === 'followed' && report.signal === 'connected');

    await appendTo(log, 'feed', 1);

    await other.reported((report) => report.kind === 'followed' && report.signal === 'unsure');
    log.close();
  });

  test('a stored event survives kill -9', async () => {
    const other = await start();
    other.order({ kind: 'append', channel: 'feed', appends: 20, batch: 5 });
    await other.reported((report) => report.kind === 'appended');

    await kill(other.child);

    const log = createSqliteLog({ file: path(), retention: 1_000 });
    expect(seqs(await readAll(log, 'feed'))).toEqual(range(1, 100));
    log.close();
  });

  test('kill -9 during appends leaves only whole appends', async () => {
    const other = await start();
    other.order({ kind: 'append', channel: 'feed', appends: 1_000_000, batch: 7 });
    const log = createSqliteLog({ file: path(), retention: 1_000_000 });
    await vi.waitFor(async () => expect((await log.ends(['feed'])).get('feed')).not.toBeNull(), boundMs);

    await kill(other.child);

    const stored = seqs(await readAll(log, 'feed'));
    expect(stored).toEqual(range(1, stored.length));
    expect(stored.length % 7).toBe(0);
    expect(
      seqs((await log.append({ events: [{ channel: 'feed', type: 't', data: '1' }], key: null })).ids),
    ).toEqual([stored.length + 1]);
    log.close();
  });

  test('a follower does not keep its process alive', async () => {
    const other = await start();
    other.order({ kind: 'follow', channel: 'feed' });
    await other.reported((report) => report.kind === 'followed');

    other.child.disconnect();
    await vi.waitFor(() => expect(other.child.exitCode).toBe(0), boundMs);
  });

  test('processes that create the file at the same time can all use it', async () => {
    const started = await Promise.all(range(1, 4).map(() => start()));

    expect(started.map(({ opened }) => opened)).toEqual(range(1, 4).map(() => ({ kind: 'ready' })));
  });

  test('processes that append at the same time share one dense sequence', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    for (const other of [one, two]) other.order({ kind: 'append', channel: 'feed', appends: 200, batch: 5 });

    const reports = await Promise.all(
      [one, two].map((other) => other.reported((report) => report.kind === 'appended')),
    );

    const issued = reports.flatMap((report) => (report.kind === 'appended' ? report.seqs : []));
    expect(issued.toSorted((a, b) => a - b)).toEqual(range(1, 2_000));
  });
});
