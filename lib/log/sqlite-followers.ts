import type { FollowSignal } from './event-log.ts';

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
