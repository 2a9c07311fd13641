import type { Clock } from '../../core/clock.ts';
import { type Loss, maxReplicaLagMs } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import { compareEventIds } from '../../core/ids.ts';
import type { Loaded } from '../tail/read-through.ts';
import { indexAfter, type Segment } from '../tail/ring-buffer.ts';
import { tailTimes } from '../tail/subscription.ts';
import type { ReadableTail } from '../tail/tail.ts';

/** What a reader of one channel can be given now. */
export type Offer =
  /** Entries from index `from` on. */
  | { readonly kind: 'entries'; readonly segment: Segment; readonly from: number }
  /** A loss, to be told before anything else. */
  | { readonly kind: 'gap'; readonly loss: Loss }
  /** It has all there is. */
  | { readonly kind: 'nothing' }
  /** The log is being asked. */
  | { readonly kind: 'asking' };

/** A cursor in one channel, fed from its tail's memory or from the log. It holds a position and nothing else. */
export type ChannelReader = {
  readonly tail: ReadableTail;
  position(): Position;
  /** What follows the position. Asks the log where memory does not reach. */
  offer(): Offer;
  /** Goes on after `position`: what was offered has been taken. */
  moveTo(position: Position): void;
  close(): void;
};

/**
 * Begins to read a channel; the tail must be ready.
 * @param start where to begin; null: at the end of the log.
 * @param wake called when a later `offer` may be a better one.
 */
export function createChannelReader(
  tail: ReadableTail,
  start: Position | null,
  clock: Clock,
  wake: () => void,
): ChannelReader {
  let position = start ?? tail.end();
  let answer: Exclude<Loaded, { kind: 'stale' }> | null = null;
  let isAsking = false;
  /** The log has said that there is nothing, and the tail has told of nothing since. */
  let isAtEnd = false;
  /** The tail has been told that the log has no more for a place that memory does not know. */
  let isNudged = false;
  /** Was at the end of an empty log together with the tail: its next epoch is this reader's. */
  let isAtEmpty = false;
  /** When the first of the answers was asked for that may be stale; null: the last was not. */
  let staleSince: number | null = null;
  let cancelRetry = () => {};
  let isClosed = false;

  const unlisten = tail.listen(() => {
    isAtEnd = false;
    isNudged = false;
    wake();
  });

  async function ask(): Promise<void> {
    isAsking = true;
    const asked = { position, at: clock.elapsed() };
    try {
      receive(asked, await tail.load(asked.position));
    } catch {
      staleSince = null;
      // The tail finds the same, tries on, and says for how long.
      tail.requestSync();
      askLater(tailTimes.bridgeMs);
    }
  }

  function receive(asked: { readonly position: Position; readonly at: number }, loaded: Loaded): void {
    // Memory may have reached on in the meantime; then this answers what nobody asks any more.
    const isWanted = asked.position === position;
    const leftMs = isWanted && loaded.kind === 'stale' ? patienceLeftMs(asked.at) : 0;
    if (loaded.kind === 'stale' && leftMs > 0) {
      void tail.untilPast(loaded, leftMs).then(askAgain);
      return;
    }
    if (isWanted) answer = loaded.kind === 'stale' ? loaded.otherwise : loaded;
    staleSince = null;
    isAsking = false;
    if (!isClosed) wake();
  }

  /** An answer tells what was true when it was asked for, however late it comes. */
  function patienceLeftMs(askedAt: number): number {
    staleSince ??= askedAt;
    return maxReplicaLagMs - (askedAt - staleSince);
  }

  function askLater(ms: number): void {
    if (!isClosed) cancelRetry = clock.after(ms, askAgain);
  }

  function askAgain(): void {
    isAsking = false;
    if (!isClosed) wake();
  }

  function take(loaded: Exclude<Loaded, { kind: 'stale' }>): Offer {
    answer = null;
    if (loaded.kind === 'gap') {
      // Another's patience may last longer, and memory still hold what was lost.
      tail.discardLost(position, loaded);
      return { kind: 'gap', loss: loaded };
    }
    const { segment } = loaded;
    if (segment.entries.length > 0) return { kind: 'entries', segment, from: 0 };
    position = segment.base;
    if (!isNudged) tail.requestSync();
    isNudged = true;
    if (isBehindMemory()) {
      isAsking = true;
      askLater(tailTimes.staleMs);
      return { kind: 'asking' };
    }
    isAtEnd = true;
    return { kind: 'nothing' };
  }

  /** Memory has what the log, when asked, did not: either of the two is out of date. */
  function isBehindMemory(): boolean {
    const { id, epoch } = tail.end();
    return epoch === position.epoch && compareEventIds(id, position.id) > 0;
  }

  return {
    tail,
    position: () => position,
    offer() {
      // Else an epoch comes from the log alone: memory may be that of a log that was lost.
      if (isAtEmpty) position = { id: position.id, epoch: tail.end().epoch };
      const segment = tail.find(position);
      isAtEmpty = segment !== null && position.epoch === null;
      if (segment !== null) {
        staleSince = null;
        const from = indexAfter(segment, position);
        return from < segment.entries.length ? { kind: 'entries', segment, from } : { kind: 'nothing' };
      }
      if (answer !== null) return take(answer);
      if (isAtEnd) return { kind: 'nothing' };
      if (!isAsking) void ask();
      return { kind: 'asking' };
    },
    moveTo(next) {
      position = next;
      answer = null;
      isAtEnd = false;
      isNudged = false;
      isAtEmpty = false;
    },
    close() {
      isClosed = true;
      cancelRetry();
      unlisten();
    },
  };
}
