import type { DatabaseSync } from 'node:sqlite';
import type { FollowSignal } from '../event-log.ts';
import { isLocked } from './errors.ts';

/** The followers of one file in this process. */
export type SqliteFollowers = {
  /** The number of followers. */
  count(): number;
  /** Adds a follower and sends it `connected`; the returned function removes it. */
  add(channel: string, onSignal: (signal: FollowSignal) => void): () => void;
  /** Sends a signal to the followers of one channel. */
  notify(channel: string, signal: FollowSignal): void;
  /** Sends a signal to the followers of all channels. `lost` removes them. */
  notifyAll(signal: FollowSignal): void;
};

/** Creates an empty set. It sends signals in the order of the calls, even if a follower appends while it gets one. */
export function createSqliteFollowers(): SqliteFollowers {
  const followers = new Set<Follower>();
  const queue: { readonly follower: Follower; readonly signal: FollowSignal }[] = [];
  let isSending = false;

  const sendQueued = () => {
    if (isSending) return;
    isSending = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (!followers.has(next.follower)) continue;
      if (next.signal.kind === 'lost') followers.delete(next.follower);
      call(next.follower, next.signal);
    }
    isSending = false;
  };

  return {
    count: () => followers.size,
    add(channel, onSignal) {
      const follower = { channel, onSignal };
      followers.add(follower);
      queue.push({ follower, signal: { kind: 'connected' } });
      sendQueued();
      return () => {
        followers.delete(follower);
      };
    },
    notify(channel, signal) {
      for (const follower of followers) {
        if (follower.channel === channel) queue.push({ follower, signal });
      }
      sendQueued();
    },
    notifyAll(signal) {
      for (const follower of followers) queue.push({ follower, signal });
      sendQueued();
    },
  };
}

type Follower = {
  readonly channel: string;
  readonly onSignal: (signal: FollowSignal) => void;
};

/** Calls a follower. If it throws, its error is thrown as uncaught, and the other followers still get the signal. */
function call(follower: Follower, signal: FollowSignal): void {
  try {
    follower.onSignal(signal);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** How often to check a followed file for commits of other processes, in ms. */
export const watchEveryMs = 250;

/** Detects commits of other processes. */
type SqliteWatch = {
  /**
   * Starts to watch, if it does not watch yet. It may or may not report commits from before.
   * @throws the driver's error when the file cannot be read, or is locked.
   */
  start(): void;
  stop(): void;
};

/**
 * Creates a watch that does not run yet. It reads `PRAGMA data_version`, which changes with every commit except those of
 * its own connection (https://sqlite.org/pragma.html#pragma_data_version). Its timer keeps no process alive.
 * @param onChange is called after commits of others, once for all since the last check.
 * @param onFailure is called when the file cannot be read; the watch has stopped then.
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
  const check = () => {
    try {
      const found = readVersion();
      if (found === version) return;
      version = found;
    } catch (cause) {
      // The next check finds what was stored meanwhile.
      if (isLocked(cause)) return;
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
      timer = setInterval(check, watchEveryMs);
      timer.unref();
    },
    stop,
  };
}
