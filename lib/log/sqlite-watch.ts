import type { DatabaseSync } from 'node:sqlite';

/** How often a followed file is looked at for what other processes have written, in ms. */
export const watchEveryMs = 250;

export type SqliteWatch = {
  /** Begins to look, or goes on. What was written before may or may not be noticed. */
  start(): void;
  stop(): void;
};

/**
 * Notices what other processes write to the file. `PRAGMA data_version` changes with every commit but those of
 * its own connection (https://sqlite.org/pragma.html#pragma_data_version). Its timer keeps no process alive.
 * @param onChange is called after commits of others, once for all since the last look.
 * @param onFailure is called when the file cannot be looked at; the watch has then stopped.
 */
export function createSqliteWatch(
  db: DatabaseSync,
  onChange: () => void,
  onFailure: (cause: unknown) => void,
): SqliteWatch {
  const statement = db.prepare('PRAGMA data_version');
  const readVersion = () => Number(statement.get()?.data_version);
  let timer: NodeJS.Timeout | null = null;
  let version = 0;

  const stop = () => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };
  const look = () => {
    try {
      const found = readVersion();
      if (found === version) return;
      version = found;
    } catch (cause) {
      stop();
      onFailure(cause);
      return;
    }
    onChange();
  };

  return {
    start() {
      if (timer !== null) return;
      version = readVersion();
      timer = setInterval(look, watchEveryMs);
      timer.unref();
    },
    stop,
  };
}
