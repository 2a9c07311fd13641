import type { FeedItem } from '../../../lib/client/transport/messages.ts';
import { checkContinuity, type LogState, toGap } from '../../../lib/core/continuity.ts';
import { formatPosition, type Position } from '../../../lib/core/cursor.ts';
import { beforeFirst, compareEventIds, type EventId, formatEventId } from '../../../lib/core/ids.ts';

/** The log of one channel in memory, and what an honest server reads from it. */
export type ModelLog = {
  append(): EventId;
  /** Ends the channel with one more event. From then on only `replace` and `fork` append, and so begin it anew. */
  finish(): void;
  isFinished(): boolean;
  /** Whether the channel has ever ended at this position. */
  hasEndedAt(position: Position): boolean;
  /** Retention deletes the oldest `count` events. */
  trim(count: number): void;
  /** The log is lost, and starts again in another epoch with one event. */
  replace(): void;
  /** A fail-over loses the newest `count` events, and issues their numbers again. */
  fork(count: number): void;
  state(): LogState;
  end(): Position;
  /** What a reader at `position` gets next; null while there is nothing. */
  next(position: Position): FeedItem | null;
};

export function modelLog(channel: string): ModelLog {
  let lives = 0;
  let epoch = 'aaaaaa';
  let time = 1_000;
  let events: EventId[] = [];
  let last: EventId = beforeFirst;
  let isFinished = false;
  const ends = new Set<string>();

  const state = (): LogState => {
    const [first] = events;
    return first === undefined ? null : { epoch, first, last };
  };
  const append = () => {
    if (isFinished) return last;
    time += 10;
    last = { time, seq: last.seq + 1 };
    events.push(last);
    return last;
  };
  return {
    append,
    finish() {
      append();
      isFinished = true;
      ends.add(formatPosition({ id: last, epoch }));
    },
    isFinished: () => isFinished,
    hasEndedAt: (position) => ends.has(formatPosition(position)),
    trim(count) {
      events = events.slice(Math.min(count, events.length - 1));
    },
    replace() {
      lives += 1;
      isFinished = false;
      epoch = `bbbb${String(lives).padStart(2, '0')}`;
      events = [];
      last = beforeFirst;
      append();
    },
    fork(count) {
      if (events.length <= count) return;
      events = events.slice(0, -count);
      last = events.at(-1) ?? beforeFirst;
      isFinished = false;
      append();
    },
    state,
    end: () => ({ id: last, epoch: events.length === 0 ? null : epoch }),
    next(position) {
      const isSameLife = position.epoch === null || position.epoch === epoch;
      const next = events.find((id) => !isSameLife || compareEventIds(id, position.id) > 0) ?? null;
      const verdict = checkContinuity({ position, state: state(), next });
      if (verdict.kind === 'continue') {
        if (next === null) return null;
        const event = { id: formatEventId(next), channel, type: 'message', time: next.time, data: null };
        return { kind: 'event', event, position: { id: next, epoch } };
      }
      const loss = verdict.kind === 'gap' ? verdict : verdict.otherwise;
      return { kind: 'gap', gap: toGap(channel, position.id, loss, false), position: loss.resume };
    },
  };
}
