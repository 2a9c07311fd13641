import { DatabaseSync } from 'node:sqlite';

/** `write`: nobody else can write, as under a long write of another program. `all`: nobody else can read either. */
export type LockKind = 'write' | 'all';

/** Locks the file in the arguments until the process is killed. */
function hold(file: string, kind: string): void {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  db.exec('PRAGMA journal_mode = WAL');
  if (kind === 'all') db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec('BEGIN EXCLUSIVE');
  // The listener keeps the process alive.
  process.on('message', () => undefined);
  process.send?.('held');
}

const [file, kind] = process.argv.slice(2);
if (file !== undefined && kind !== undefined && process.send !== undefined) hold(file, kind);
