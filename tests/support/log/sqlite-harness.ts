import { join } from 'node:path';
import type { EventLog } from '../../../lib/log/event-log.ts';
import { openSqliteStore } from '../../../lib/log/sqlite/database.ts';
import { createLogOnStore } from '../../../lib/log/sqlite/sqlite-log.ts';
import { type LogHarness, rulesOf } from '../../log/contract.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';

/** A harness with a new file, or in memory. Its clock stands still until it is moved. */
export async function openSqliteHarness(kind: 'file' | ':memory:'): Promise<LogHarness> {
  const folder = makeTemporaryFolder();
  const file = kind === 'file' ? join(folder.path, 'deep', 'feed.db') : kind;
  const own = openSqliteStore(file);
  const logs: EventLog[] = [];
  let nowMs = Date.now();

  return {
    open(options = {}) {
      const store = kind === 'file' ? openSqliteStore(file) : { ...own, release: () => undefined };
      const log = createLogOnStore(store, { rules: rulesOf(options), clock: { now: () => nowMs } });
      logs.push(log);
      return log;
    },
    now: () => nowMs,
    async passTime(ms) {
      nowMs += ms;
    },
    async clockJumpsBack() {
      nowMs -= 3_600_000;
    },
    async empty(channel) {
      own.db.prepare('DELETE FROM event WHERE channel = ?').run(channel);
    },
    async wipe() {
      own.db.exec('DELETE FROM event; DELETE FROM latest; DELETE FROM request; DELETE FROM rate');
    },
    async loseEnd(channel, count) {
      const ids = 'SELECT rowid FROM event WHERE channel = ? ORDER BY time DESC, seq DESC LIMIT ?';
      own.db.prepare(`DELETE FROM event WHERE rowid IN (${ids})`).run(channel, count);
      own.statements.deleteLatest.run(channel);
      // In a row with max(), the other columns are those of the row that has the maximum.
      own.db.exec(`
        INSERT INTO latest SELECT channel, subject, time, seq, type, data, attributes, time + attributes ->> 'ttlMs'
        FROM (SELECT *, attributes ->> 'subject' AS subject, max(seq) FROM event GROUP BY channel, subject)
        WHERE channel = '${channel}' AND subject IS NOT NULL AND attributes ->> 'remove' IS NULL
      `);
    },
    async breakChannel(channel) {
      own.db.exec(
        `CREATE TRIGGER broken BEFORE INSERT ON event WHEN NEW.channel = '${channel}' BEGIN SELECT RAISE(ABORT, 'broken'); END`,
      );
    },
    async cutFollowers() {
      own.followers.notifyAll({ kind: 'lost', cause: new Error('cut') });
    },
    async close() {
      for (const log of logs) log.close();
      own.release();
      folder[Symbol.dispose]();
    },
  };
}
