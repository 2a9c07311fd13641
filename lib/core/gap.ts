import type { Loss } from './continuity.ts';
import { type EventId, formatEventId } from './event-id.ts';

/** Events a reader should have got and never can, as it is told of them. */
export type Gap = {
  readonly channel: string;
  /** `trimmed`: retention took them. `restarted`: the log was lost, in whole or at its end, and begun again. */
  readonly reason: 'trimmed' | 'restarted';
  /** How many; null when nobody can know. With a type filter all types are counted. */
  readonly missed: number | null;
  /** Whether `missed` counts just what this reader would have got. */
  readonly exact: boolean;
  /** The id of the last position before the gap. */
  readonly after: string;
  /** The id of the first event after the gap; null while there is none. */
  readonly resumesAt: string | null;
};

/** Puts a loss into the words of the wire. */
export function toGap(channel: string, after: EventId, loss: Loss, isFiltered: boolean): Gap {
  return {
    channel,
    reason: loss.reason,
    missed: loss.missed,
    exact: loss.missed !== null && !isFiltered,
    after: formatEventId(after),
    resumesAt: loss.resumesAt === null ? null : formatEventId(loss.resumesAt),
  };
}
