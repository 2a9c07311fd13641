import type { Clock } from '../core/clock.ts';
import type { FeedSnapshot } from './feed-options.ts';
import { problemOf, retryAtOf, statusOf, transportOf } from './feed-status.ts';
import type { FeedView } from './feed-store.ts';
import { writeCursor } from './place.ts';
import type { Tab } from './tab.ts';

/** What a feed holds beside its connection. */
export type Held = FeedView & Pick<FeedSnapshot, 'hasOlder' | 'isLoadingOlder' | 'lag'>;

/** Makes snapshots, one after the other: the same object for as long as nothing changes. */
export function createSnapshots(clock: Clock): (tab: Tab, held: Held) => FeedSnapshot {
  let snapshot: FeedSnapshot | null = null;
  let retryAt: { readonly elapsed: number; readonly wall: number } | null = null;

  function wallOf(elapsed: number | null): number | null {
    if (elapsed === null) return null;
    if (retryAt?.elapsed !== elapsed) {
      retryAt = { elapsed, wall: Math.round(clock.now() + elapsed - clock.elapsed()) };
    }
    return retryAt.wall;
  }

  return ({ connection, sharing }, held) => {
    const { role } = sharing;
    const next: FeedSnapshot = {
      ...held,
      status: statusOf(connection),
      transport: transportOf(connection),
      role: role === 'leader' || role === 'follower' ? role : 'alone',
      cursor: writeCursor(connection.progress.places, connection.settings.channels),
      retryAt: wallOf(retryAtOf(connection)),
      handovers: connection.handovers,
      reconnects: connection.reconnects,
      holes: connection.holes,
      problem: problemOf(connection),
      isPolling: connection.mode === 'polling',
    };
    snapshot = snapshot === null ? next : keep(snapshot, next);
    return snapshot;
  };
}

/** The old snapshot where the new one says the same. */
function keep(old: FeedSnapshot, next: FeedSnapshot): FeedSnapshot {
  const names = Object.keys(next) as (keyof FeedSnapshot)[];
  return names.every((name) => old[name] === next[name]) ? old : next;
}
