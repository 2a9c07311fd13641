import type { Position } from '../core/cursor.ts';
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
  const passed = index === 0 ? base.id : entries[index - 1]?.id;
  if (passed === undefined) return -1;
  const next = entries[index]?.id;
  // A position's time may be borrowed from its successor. Any other time names an event that was lost, and whose
  // seq was issued again.
  const isHere = position.id.time === passed.time || position.id.time === next?.time;
  return isHere ? index : -1;
}

/** Where a reader is that has passed all of the segment. */
export function endOf({ base, entries }: Segment): Position {
  const last = entries.at(-1);
  return last === undefined ? base : { id: last.id, epoch: base.epoch };
}
