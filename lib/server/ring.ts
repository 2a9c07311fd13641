import type { Position } from '../core/cursor.ts';
import type { Entry } from './entry.ts';
import { endOf, type Segment } from './segment.ts';

/** The newest entries of a channel, bounded by count and bytes. Its array is replaced only when it is trimmed. */
export type Ring = Segment & {
  /** Adds entries that continue the ring, and drops the oldest beyond its bounds. */
  append(added: readonly Entry[]): void;
  /** Empties the ring; it goes on after `base`. */
  reset(base: Position): void;
  /** Where a reader is that has passed all of it. */
  end(): Position;
  /** Bytes of the frames held. */
  bytes(): number;
};

export type RingBounds = {
  /** Entries, at most. */
  readonly maxEntries: number;
  /** Bytes of frames, at most; one entry is always kept. */
  readonly maxBytes: number;
};

/** Makes an empty ring at `base`. */
export function createRing(base: Position, { maxEntries, maxBytes }: RingBounds): Ring {
  let bytes = 0;
  let entries: Entry[] = [];
  let start = base;

  // Down to seven eighths at once, so that an append's cost stays constant on average.
  function trim(): void {
    if (entries.length <= maxEntries && bytes <= maxBytes) return;
    const keepEntries = Math.ceil((maxEntries * 7) / 8);
    const keepBytes = (maxBytes * 7) / 8;
    let drop = 0;
    for (const { id, frame } of entries) {
      const kept = entries.length - drop;
      if (kept === 1 || (kept <= keepEntries && bytes <= keepBytes)) break;
      bytes -= frame.length;
      start = { id, epoch: start.epoch };
      drop += 1;
    }
    entries = entries.slice(drop);
  }

  const ring: Ring = {
    get base() {
      return start;
    },
    get entries() {
      return entries;
    },
    append(added) {
      for (const entry of added) {
        entries.push(entry);
        bytes += entry.frame.length;
      }
      trim();
    },
    reset(next) {
      start = next;
      entries = [];
      bytes = 0;
    },
    end: () => endOf(ring),
    bytes: () => bytes,
  };
  return ring;
}
