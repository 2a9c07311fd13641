import { judge } from '../core/continuity.ts';
import type { Position } from '../core/cursor.ts';
import { compareEventIds } from '../core/ids.ts';
import type { FollowSignal, LogEvent } from '../log/event-log.ts';

/** New events of one append, as a subscription told them. */
export type Announcement = Extract<FollowSignal, { kind: 'events' }>;

/**
 * What an announcement holds that is new after `end`, judged like everything else; older events are dropped.
 * `hole`: something is missing before it.
 */
export function freshAfter(end: Position, { epoch, events }: Announcement): readonly LogEvent[] | 'hole' {
  const isKnown = (event: LogEvent) => end.epoch === epoch && compareEventIds(event.id, end.id) <= 0;
  const fresh = events.filter((event) => !isKnown(event));
  const [first] = fresh;
  const last = fresh.at(-1);
  if (first === undefined || last === undefined) return [];
  const state = { epoch, first: first.id, last: last.id };
  const isDense = last.id.seq - first.id.seq === fresh.length - 1;
  return isDense && judge({ position: end, state, next: first.id }).kind === 'continue' ? fresh : 'hole';
}

/** The events from the last hole on. */
export function withoutHole(events: readonly LogEvent[]): readonly LogEvent[] {
  const isAfterHole = (event: LogEvent, index: number) =>
    event.id.seq !== (events[index - 1]?.id.seq ?? 0) + 1;
  return events.slice(Math.max(0, events.findLastIndex(isAfterHole)));
}
