import type { Position } from './cursor.ts';
import { beforeFirst, compareEventIds, type EventId, formatEventId, idBefore } from './ids.ts';

/** The state of one channel in the log: its epoch, and the first and last id that the log keeps; null when it keeps nothing. */
export type LogState = {
  readonly epoch: string;
  readonly first: EventId;
  readonly last: EventId;
  /** The last event was published with `end`: nothing follows it in this epoch. */
  readonly ended?: true;
} | null;

/** Events after a reader's position that are gone for good. */
export type Loss = {
  readonly kind: 'gap';
  /** `trimmed`: retention removed them. `restarted`: the log was lost, all of it or its end, and started again. */
  readonly reason: 'trimmed' | 'restarted';
  /** The number of lost events of all types; null when the log cannot know it. */
  readonly missed: number | null;
  /** The position from which the reader continues. */
  readonly resume: Position;
  /** The first event after the gap; null while there is none. */
  readonly resumesAt: EventId | null;
};

export type Continuity =
  /** The next event in the log is the next event for the reader. */
  | { readonly kind: 'continue' }
  | Loss
  /**
   * The answer does not include event `until`, so it may come from a replica that lags. Read again, for up to
   * `maxReplicaLagMs`; if no answer includes the event by then, `otherwise` is the truth.
   */
  | { readonly kind: 'stale'; readonly until: EventId; readonly otherwise: Loss };

/** How long to read again before an answer without the newest known event is taken as the truth, in ms. */
export const maxReplicaLagMs = 5_000;

/**
 * Decides whether a reader at `position` may continue with `next`. This is the only place that decides it, for the
 * log's readers, the tail, the stream and the client; `tests/core/continuity.test.ts` is its table.
 * @param answer.state what the log keeps of the channel, read in the same step as `next`.
 * @param answer.next the first event after the position that the log keeps; null when it has none.
 * @param answer.newestKnown the newest id that the log has named so far, in any answer or announcement; null when it has
 * named none. Only an answer that includes it may declare a loss.
 */
export function checkContinuity({
  position,
  state,
  next,
  newestKnown = null,
}: {
  readonly position: Position;
  readonly state: LogState;
  readonly next: EventId | null;
  readonly newestKnown?: EventId | null;
}): Continuity {
  const continuity = continuityOf(position, state, next);
  if (continuity.kind !== 'gap' || newestKnown === null) return continuity;
  const isStale = state === null || compareEventIds(state.last, newestKnown) < 0;
  return isStale ? { kind: 'stale', until: newestKnown, otherwise: continuity } : continuity;
}

function continuityOf(position: Position, state: LogState, next: EventId | null): Continuity {
  const { id, epoch } = position;
  if (state === null) {
    const hadNoLog = id.seq === 0 && epoch === null;
    return hadNoLog ? { kind: 'continue' } : restarted({ id: beforeFirst, epoch: null }, null);
  }
  if (next === null && (epoch === null || epoch === state.epoch)) {
    if (compareEventIds(id, state.last) === 0) return { kind: 'continue' };
    return { kind: 'stale', until: id, otherwise: restarted({ id: state.last, epoch: state.epoch }, null) };
  }
  return lossBetween(position, state.epoch, state.first, next ?? state.first) ?? { kind: 'continue' };
}

/**
 * The loss between a reader's position and the `next` event it gets; null when `next` directly follows.
 * @param epoch the epoch of `next`.
 * @param first the first event that the log keeps in that epoch.
 */
export function lossBetween(position: Position, epoch: string, first: EventId, next: EventId): Loss | null {
  const { id } = position;
  if (position.epoch !== null && position.epoch !== epoch) return restartedAt(first, epoch);
  if (next.seq <= id.seq) return restartedAt(next, epoch);
  if (next.seq === id.seq + 1) return null;
  return {
    kind: 'gap',
    reason: 'trimmed',
    missed: next.seq - id.seq - 1,
    resume: { id: idBefore(next), epoch },
    resumesAt: next,
  };
}

function restartedAt(next: EventId, epoch: string): Loss {
  return restarted({ id: idBefore(next), epoch }, next);
}

function restarted(resume: Position, resumesAt: EventId | null): Loss {
  return { kind: 'gap', reason: 'restarted', missed: null, resume, resumesAt };
}

/** A loss as a reader gets it: the JSON of a `gap` frame, and of a page's `gaps`. */
export type Gap = {
  readonly channel: string;
  /** `trimmed`: retention removed the events. `restarted`: the log was lost, all of it or its end, and started again. */
  readonly reason: 'trimmed' | 'restarted';
  /** The number of lost events; null when nobody can know it. With a type filter it counts events of all types. */
  readonly missed: number | null;
  /** Whether `missed` is exactly the number of events that this reader would have got. */
  readonly exact: boolean;
  /** The id of the last position before the gap. */
  readonly after: string;
  /** The id of the first event after the gap; null while there is none. */
  readonly resumesAt: string | null;
};

/**
 * Writes a loss as the gap that a reader gets.
 * @param after the reader's position before the gap.
 * @param isFiltered whether the reader asked for some types only.
 */
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
