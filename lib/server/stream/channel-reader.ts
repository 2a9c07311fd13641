import type { Clock } from '../../core/clock.ts';
import { type Loss, maxReplicaLagMs } from '../../core/continuity.ts';
import type { Position } from '../../core/cursor.ts';
import { compareEventIds } from '../../core/ids.ts';
import type { Loaded } from '../tail/read-through.ts';
import { indexAfter, type Segment } from '../tail/ring-buffer.ts';
import type { ReadableTail } from '../tail/tail.ts';
import { namedPauseMs, tailTimes } from '../tail/tail-times.ts';

/** What the reader of one channel can have now. */
export type Offer =
  /** The entries from index `from` on. */
  | { readonly kind: 'entries'; readonly segment: Segment; readonly from: number }
  /** Events are gone; the gap goes out before anything else. */
  | { readonly kind: 'gap'; readonly loss: Loss }
  /** The reader has everything. */
  | { readonly kind: 'nothing' }
  /** The log has been asked. */
  | { readonly kind: 'asking' };

/** An answer of the log that counts. */
type Answer = Exclude<Loaded, { kind: 'stale' }>;

/** How far the log has been asked for what memory does not have. */
type ReadState =
  | { readonly kind: 'not-asked' }
  /** A question is out, or waits for its next try. */
  | { readonly kind: 'asking' }
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** The log had nothing after the position, and the tail has had nothing new since. */
  | { readonly kind: 'at-end' };

const notAsked = { kind: 'not-asked' } as const;
const asking = { kind: 'asking' } as const;
const atEnd = { kind: 'at-end' } as const;

/** A cursor in one channel. It holds a position, and takes what follows from the tail's memory or from the log. */
export class ChannelReader {
  readonly tail: ReadableTail;
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #unlisten: () => void;
  #position: Position;
  #read: ReadState = notAsked;
  /** Whether the tail knows that a reader was at the log's end, at a position that memory does not have. */
  #hasRequestedSync = false;
  /** Whether the reader and the tail were together at the end of an empty log: the tail's next epoch is the reader's. */
  #isAtEmptyLog = false;
  /** Whether the channel has ended at the position, and whether the reader was told. */
  #end: 'none' | 'reached' | 'told' = 'none';
  /** When the log was asked for the first of the answers that may be stale; null: the newest answer is not. */
  #staleSince: number | null = null;
  #cancelRetry: (() => void) | null = null;
  #isClosed = false;

  /**
   * @param tail must be ready.
   * @param start where to start; null: at the end of the log.
   * @param wake called when `offer` may have more.
   */
  constructor(tail: ReadableTail, start: Position | null, clock: Clock, wake: () => void) {
    this.tail = tail;
    this.#clock = clock;
    this.#wake = wake;
    this.#position = start ?? tail.end();
    this.#unlisten = tail.listen(() => {
      if (this.#read.kind === 'at-end') this.#read = notAsked;
      this.#hasRequestedSync = false;
      wake();
    });
  }

  position(): Position {
    return this.#position;
  }

  /** What follows the position. If memory does not have it, the reader asks the log. */
  offer(): Offer {
    // Any other epoch must come from the log: memory may be that of a log that was lost.
    if (this.#isAtEmptyLog) this.#position = { id: this.#position.id, epoch: this.tail.end().epoch };
    const segment = this.tail.find(this.#position);
    this.#isAtEmptyLog = segment !== null && this.#position.epoch === null;
    if (segment !== null) {
      this.#staleSince = null;
      const from = indexAfter(segment, this.#position);
      if (from < segment.entries.length) return { kind: 'entries', segment, from };
      if (this.#end === 'none' && segment.entries[from - 1]?.isEnd) this.#end = 'reached';
      return { kind: 'nothing' };
    }
    switch (this.#read.kind) {
      case 'answered':
        return this.#take(this.#read.answer);
      case 'at-end':
        return { kind: 'nothing' };
      case 'not-asked':
        void this.#ask();
        return asking;
      case 'asking':
        return asking;
    }
  }

  /** Whether the channel has ended and the reader has everything, as far as the last offer knew. */
  hasEnded(): boolean {
    return this.#end !== 'none';
  }

  /** Whether the reader must be told now that the channel has ended: once at one end. */
  takeEnd(): boolean {
    if (this.#end !== 'reached') return false;
    this.#end = 'told';
    return true;
  }

  /** Continues after `position`: the offer was taken up to there. */
  moveTo(position: Position): void {
    this.#position = position;
    this.#end = 'none';
    if (this.#read.kind !== 'asking') this.#read = notAsked;
    this.#hasRequestedSync = false;
    this.#isAtEmptyLog = false;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#unlisten();
  }

  async #ask(): Promise<void> {
    this.#read = asking;
    const position = this.#position;
    const askedAt = this.#clock.elapsed();
    try {
      this.#receive(position, askedAt, await this.tail.load(position));
    } catch (cause) {
      this.#staleSince = null;
      // The tail will find the same failure, retry, and know for how long the log has failed.
      this.tail.requestSync();
      this.#askAgainIn(tailTimes.bridgeMs + namedPauseMs(cause));
    }
  }

  #receive(position: Position, askedAt: number, loaded: Loaded): void {
    // If memory has moved the reader on in the meantime, nobody needs this answer.
    const isNeeded = position === this.#position;
    if (isNeeded && loaded.kind === 'stale') {
      // An answer says what was true when the log was asked, however late it arrives.
      this.#staleSince ??= askedAt;
      const leftMs = maxReplicaLagMs - (askedAt - this.#staleSince);
      if (leftMs > 0) {
        void this.tail.untilCaughtUp(loaded, leftMs).then(() => this.#askAgain());
        return;
      }
    }
    this.#read = isNeeded
      ? { kind: 'answered', answer: loaded.kind === 'stale' ? loaded.otherwise : loaded }
      : notAsked;
    this.#staleSince = null;
    if (!this.#isClosed) this.#wake();
  }

  #askAgainIn(ms: number): void {
    if (!this.#isClosed) this.#cancelRetry = this.#clock.after(ms, () => this.#askAgain());
  }

  #askAgain(): void {
    this.#read = notAsked;
    if (!this.#isClosed) this.#wake();
  }

  #take(answer: Answer): Offer {
    this.#read = notAsked;
    if (answer.kind === 'gap') {
      // Memory may still have what was lost: another reader may still wait for a replica.
      this.tail.discardLost(this.#position, answer);
      return { kind: 'gap', loss: answer };
    }
    const { segment } = answer;
    if (segment.entries.length > 0) return { kind: 'entries', segment, from: 0 };
    this.#position = segment.base;
    if (!this.#hasRequestedSync) this.tail.requestSync();
    this.#hasRequestedSync = true;
    if (this.#isBehindMemory()) {
      this.#read = asking;
      this.#askAgainIn(tailTimes.staleMs);
      return asking;
    }
    this.#read = atEnd;
    return { kind: 'nothing' };
  }

  /** Whether memory has events that the log's answer did not: one of the two is out of date. */
  #isBehindMemory(): boolean {
    const { id, epoch } = this.tail.end();
    return epoch === this.#position.epoch && compareEventIds(id, this.#position.id) > 0;
  }
}
