import type { Clock } from '../core/clock.ts';
import { type Loss, patienceMs } from '../core/continuity.ts';
import type { Position } from '../core/cursor.ts';
import type { Loaded } from './load-page.ts';
import { indexAfter, type Segment } from './segment.ts';
import type { Tail } from './tail.ts';
import { tailTimes } from './tail-clockwork.ts';

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
  readonly tail: Tail;
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
  tail: Tail,
  start: Position | null,
  clock: Clock,
  wake: () => void,
): ChannelReader {
  let position = start ?? tail.ring.end();
  let answer: Loaded | null = null;
  let isAsking = false;
  /** The log has said that there is nothing, and the tail has told of nothing since. */
  let isAtEnd = false;
  /** When the first of the answers was asked for that may be stale; null: the last was not. */
  let staleSince: number | null = null;
  let cancelRetry = () => {};
  let isClosed = false;

  const unlisten = tail.listen(() => {
    isAtEnd = false;
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
      tail.nudge();
      askLater(tailTimes.bridgeMs);
    }
  }

  function receive(asked: { readonly position: Position; readonly at: number }, loaded: Loaded): void {
    // Memory may have reached on in the meantime; then this answers what nobody asks any more.
    const isWanted = asked.position === position;
    if (isWanted && loaded.kind === 'again' && !isPatienceOver(asked.at)) {
      askLater(tailTimes.staleMs);
      return;
    }
    if (isWanted) answer = loaded.kind === 'again' ? loaded.otherwise : loaded;
    staleSince = null;
    isAsking = false;
    if (!isClosed) wake();
  }

  /** An answer tells what was true when it was asked for, however late it comes. */
  function isPatienceOver(askedAt: number): boolean {
    staleSince ??= askedAt;
    return askedAt - staleSince >= patienceMs;
  }

  function askLater(ms: number): void {
    if (isClosed) return;
    cancelRetry = clock.after(ms, () => {
      isAsking = false;
      wake();
    });
  }

  function take(loaded: Loaded): Offer {
    answer = null;
    if (loaded.kind === 'gap') return { kind: 'gap', loss: loaded };
    if (loaded.kind === 'segment' && loaded.segment.entries.length > 0) {
      return { kind: 'entries', segment: loaded.segment, from: 0 };
    }
    isAtEnd = true;
    tail.nudge();
    return { kind: 'nothing' };
  }

  return {
    tail,
    position: () => position,
    offer() {
      if (position.epoch === null) position = { id: position.id, epoch: tail.ring.end().epoch };
      const segment = tail.find(position);
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
    },
    close() {
      isClosed = true;
      cancelRetry();
      unlisten();
    },
  };
}
