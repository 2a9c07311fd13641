import type { Position } from './cursor.ts';
import { beforeFirst, compareEventIds, type EventId, formatEventId, idBefore } from './ids.ts';

/** What a log says of a channel: its epoch, the first and the last id kept; null when it keeps nothing. */
export type LogState = {
  readonly epoch: string;
  readonly first: EventId;
  readonly last: EventId;
} | null;

/** Events that a reader should have got and never can. */
export type Loss = {
  readonly kind: 'gap';
  readonly reason: 'trimmed' | 'restarted';
  /** How many, all types counted; null when the log cannot know. */
  readonly missed: number | null;
  /** From where the reader goes on. */
  readonly resume: Position;
  /** The first event after the gap; null when there is none yet. */
  readonly resumesAt: EventId | null;
};

export type Verdict =
  /** What follows in the log is what the reader gets next. */
  | { readonly kind: 'continue' }
  | Loss
  /**
   * The answer may come from a replica that lags: it does not reach `until`. Ask again, for up to `patienceMs`; then
   * `otherwise` is true.
   */
  | { readonly kind: 'again'; readonly until: EventId; readonly otherwise: Loss };

/** How long an answer that may be stale is asked for again. */
export const patienceMs = 5_000;

export type Evidence = {
  /** Where the reader is. */
  readonly position: Position;
  /** What the log answered. */
  readonly state: LogState;
  /** The first kept event after the position, in id order; null when the log has none. */
  readonly next: EventId | null;
  /** The newest id heard from the log by any way; null when nothing was heard. Only an answer that reaches it may declare a loss. */
  readonly heard?: EventId | null;
};

/**
 * Judges whether a reader at `position` may go on with `next`. The only place where this is decided; its table
 * is `tests/core/continuity.test.ts`.
 */
export function judge({ position, state, next, heard = null }: Evidence): Verdict {
  const verdict = judgeAnswer(position, state, next);
  if (verdict.kind !== 'gap' || heard === null) return verdict;
  const isStale = state === null || compareEventIds(state.last, heard) < 0;
  return isStale ? { kind: 'again', until: heard, otherwise: verdict } : verdict;
}

function judgeAnswer(position: Position, state: LogState, next: EventId | null): Verdict {
  const { id, epoch } = position;
  if (state === null) {
    const hadNoLog = id.seq === 0 && epoch === null;
    return hadNoLog ? { kind: 'continue' } : restarted({ id: beforeFirst, epoch: null }, null);
  }
  if (next === null && (epoch === null || epoch === state.epoch)) {
    if (compareEventIds(id, state.last) === 0) return { kind: 'continue' };
    return { kind: 'again', until: id, otherwise: restarted({ id: state.last, epoch: state.epoch }, null) };
  }
  return lossBetween(position, state.epoch, state.first, next ?? state.first) ?? { kind: 'continue' };
}

/**
 * What is lost between a reader at `position` and the `next` event it gets; null when that one follows.
 * @param epoch of the log that has `next`; and the `first` it keeps.
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
