import type { DatabaseSync } from 'node:sqlite';
import type { FollowSignal } from '../event-log.ts';

type Follower = {
  readonly channel: string;
  readonly onSignal: (signal: FollowSignal) => void;
};

/** Those who follow one file in this process. */
export type SqliteFollowers = {
  /** How many there are. */
  count(): number;
  /** Adds a follower and tells it `connected`; the function given back takes it out again. */
  add(channel: string, onSignal: (signal: FollowSignal) => void): () => void;
  /** Tells the followers of one channel. */
  tell(channel: string, signal: FollowSignal): void;
  /** Tells the followers of all channels. Who is told `lost` is told nothing more. */
  tellAll(signal: FollowSignal): void;
};

/** Tells followers in the order of the calls, also when one of them appends while it is being told. */
export function createSqliteFollowers(): SqliteFollowers {
  const followers = new Set<Follower>();
  const queue: { readonly follower: Follower; readonly signal: FollowSignal }[] = [];
  let isTelling = false;

  const tellQueued = () => {
    if (isTelling) return;
    isTelling = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (!followers.has(next.follower)) continue;
      if (next.signal.kind === 'lost') followers.delete(next.follower);
      call(next.follower, next.signal);
    }
    isTelling = false;
  };

  return {
    count: () => followers.size,
    add(channel, onSignal) {
      const follower = { channel, onSignal };
      followers.add(follower);
      queue.push({ follower, signal: { kind: 'connected' } });
      tellQueued();
      return () => {
        followers.delete(follower);
      };
    },
    tell(channel, signal) {
      for (const follower of followers) {
        if (follower.channel === channel) queue.push({ follower, signal });
      }
      tellQueued();
    },
    tellAll(signal) {
      for (const follower of followers) queue.push({ follower, signal });
      tellQueued();
    },
  };
}

/** A follower that throws is a defect of its own: it is raised as such, and keeps nothing from the others. */
function call(follower: Follower, signal: FollowSignal): void {
  try {
    follower.onSignal(signal);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

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
