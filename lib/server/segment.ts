import type { Position } from '../core/cursor.ts';
import { compareEventIds } from '../core/event-id.ts';
import type { Entry } from './entry.ts';

/** Entries of one channel and one epoch without a hole, and the position just ahead of them. */
export type Segment = {
  readonly base: Position;
  readonly entries: readonly Entry[];
};

/**
 * The index in `entries` of what follows `position`; `entries.length` where the segment ends with it; -1 where the
 * segment cannot tell: another epoch, a place outside, or an id this log did not issue.
 */
export function indexAfter({ base, entries }: Segment, position: Position): number {
  if (position.epoch !== base.epoch) return -1;
  const index = position.id.seq - base.id.seq;
  if (index < 0 || index > entries.length) return -1;
  if (index > 0) {
    const passed = entries[index - 1];
    return passed && compareEventIds(passed.id, position.id) === 0 ? index : -1;
  }
  const [next] = entries;
  if (next === undefined) return compareEventIds(base.id, position.id) === 0 ? 0 : -1;
  // The base's time may be borrowed from its successor, so any time up to that will do.
  return position.id.time <= next.id.time ? 0 : -1;
}

/** Where a reader is that has passed all of the segment. */
export function endOf({ base, entries }: Segment): Position {
  const last = entries.at(-1);
  return last === undefined ? base : { id: last.id, epoch: base.epoch };
}
