import type { Clock } from '../../core/clock.ts';
import { type Gap, toGap } from '../../core/continuity.ts';
import type { Cursor } from '../../core/cursor.ts';
import type { FeedEvent } from '../../core/event.ts';
import { FeedError } from '../../core/feed-error.ts';
import { type EventFilter, isWanted, jsonOf } from '../tail/ring-buffer.ts';
import type { LeasedTail } from '../tail/tail.ts';
import { tailTimes } from '../tail/tail-times.ts';
import { ChannelReader } from './channel-reader.ts';
import { cursorOf } from './frames.ts';

/** What a reader gets: an event, or a report that events are gone. `cursor` is the reader's place after it. */
export type ReadItem =
  | { readonly kind: 'event'; readonly event: FeedEvent; readonly cursor: string }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly cursor: string };

type FeedReaderOptions = {
  readonly clock: Clock;
  /** Which events to deliver; null: all. */
  readonly filter: EventFilter | null;
  /** Ends the reader without an error. */
  readonly signal: AbortSignal | undefined;
  /** Aborts when the process starts to stop: the reader then ends with `stopping`. */
  readonly stopping: AbortSignal;
  /** Called when the reader begins: the tails to read, one for each channel, and where to start. */
  readonly open: () => { readonly tails: readonly LeasedTail[]; readonly start: Cursor | Promise<Cursor> };
  /** Called once, when the reader is over, if it has begun. */
  readonly onEnd: () => void;
};

type Waiter = PromiseWithResolvers<IteratorResult<ReadItem, undefined>>;

/** After so many items without a pause, the reader lets the process do other work first. */
const burstItems = 128;

/**
 * A reader in this process. It keeps the promises of a stream: each event once, in order, and a gap for events that are gone.
 *
 * Like a stream, it holds no queue, only a position in each channel: `next` takes what follows it from the tail's memory, or
 * from the log. So a slow reader costs no memory, and delays nobody. It begins at the first `next` or `ready`.
 */
export class FeedReader implements AsyncIterableIterator<ReadItem, undefined> {
  readonly #options: FeedReaderOptions;
  #state: 'new' | 'starting' | 'live' | 'over' = 'new';
  #tails: readonly LeasedTail[] = [];
  #readers: readonly ChannelReader[] = [];
  /** The reader that may deliver first; the others follow. So a busy channel starves no other. */
  #turn = 0;
  /** The calls of `next` that have no answer yet, oldest first. */
  #waiters: Waiter[] = [];
  #taken = 0;
  readonly #started = Promise.withResolvers<string>();
  #failure: FeedError | null = null;
  /** All other timers of the server let a process end. A script that waits for an event must not end. */
  #keepAlive: NodeJS.Timeout | null = null;

  constructor(options: FeedReaderOptions) {
    this.#options = options;
    // Most callers never ask for it.
    this.#started.promise.catch(() => undefined);
  }

  /** Where the reader is, for `after`; null until it has started. */
  get cursor(): string | null {
    return this.#readers.length === 0 ? null : cursorOf(this.#readers);
  }

  /**
   * Resolves with the cursor when the reader has started: it gets everything that is published from now on.
   * @throws FeedError `log-unavailable`; `stopping` if the reader was ended before.
   */
  ready(): Promise<string> {
    this.#begin();
    if (this.#waiters.length === 0) this.#holdProcess(this.#state === 'starting');
    return this.#started.promise;
  }

  /** The next item; done when the reader was ended. @throws FeedError `log-unavailable`, `stopping`. */
  next(): Promise<IteratorResult<ReadItem, undefined>> {
    this.#begin();
    const isTurn = this.#waiters.length === 0 && this.#taken < burstItems;
    const value = isTurn ? this.#take() : null;
    if (value !== null) {
      this.#taken += 1;
      return Promise.resolve({ done: false, value });
    }
    if (this.#isOver()) return this.#endOrFail();
    const waiter: Waiter = Promise.withResolvers();
    this.#waiters.push(waiter);
    this.#holdProcess(true);
    if (this.#taken >= burstItems) setImmediate(() => this.#wake());
    this.#taken = 0;
    return waiter.promise;
  }

  /** Ends the reader: calls of `next` that wait are done. */
  return(): Promise<IteratorResult<ReadItem, undefined>> {
    this.end(null);
    return Promise.resolve(done);
  }

  async throw(error: unknown): Promise<never> {
    this.end(null);
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end(null);
  }

  /** Ends the reader. @param failure what the next call of `next` throws; null: it is done. */
  end(failure: FeedError | null): void {
    if (this.#state === 'over') return;
    const hasBegun = this.#state !== 'new';
    const { signal, stopping, onEnd } = this.#options;
    this.#state = 'over';
    this.#failure = failure;
    this.#holdProcess(false);
    this.#started.reject(failure ?? new FeedError('stopping', 'The reader was ended before it had started.'));
    for (const reader of this.#readers) reader.close();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(this.#endOrFail());
    if (!hasBegun) return;
    signal?.removeEventListener('abort', this.#onSignal);
    stopping.removeEventListener('abort', this.#onStopping);
    onEnd();
  }

  #begin(): void {
    if (this.#state !== 'new') return;
    const { signal, stopping } = this.#options;
    if (signal?.aborted) this.#onSignal();
    else if (stopping.aborted) this.#onStopping();
    else this.#open();
  }

  #open(): void {
    const { signal, stopping, open } = this.#options;
    this.#state = 'starting';
    signal?.addEventListener('abort', this.#onSignal);
    stopping.addEventListener('abort', this.#onStopping);
    try {
      const { tails, start } = open();
      this.#tails = tails;
      if (start instanceof Promise)
        start.then(this.#goLive, (cause: unknown) => this.end(toFeedError(cause)));
      else this.#goLive(start);
    } catch (cause) {
      this.end(toFeedError(cause));
    }
  }

  readonly #onSignal = (): void => this.end(null);

  readonly #onStopping = (): void =>
    this.end(
      new FeedError(
        'stopping',
        'This process is stopping. Read on in another process, after the last cursor.',
      ),
    );

  readonly #goLive = (start: Cursor): void => {
    if (this.#state !== 'starting') return;
    const { clock } = this.#options;
    this.#readers = this.#tails.map(
      (tail) => new ChannelReader(tail, start.get(tail.channel) ?? null, clock, () => this.#wake()),
    );
    // An offer settles the reader's epoch, so that the cursor carries it.
    for (const reader of this.#readers) reader.offer();
    this.#state = 'live';
    this.#started.resolve(cursorOf(this.#readers));
    this.#holdProcess(this.#waiters.length > 0);
    this.#wake();
  };

  #wake(): void {
    for (let waiter = this.#waiters[0]; waiter !== undefined; waiter = this.#waiters[0]) {
      const value = this.#take();
      // If the reader has ended here, no call waits any more.
      if (value === null) return;
      this.#waiters.shift();
      waiter.resolve({ done: false, value });
    }
    this.#holdProcess(false);
  }

  /** What the reader can have now; null: nothing. */
  #take(): ReadItem | null {
    if (this.#state !== 'live') return null;
    if (this.#tails.some((tail) => tail.failingForMs() >= tailTimes.giveUpMs)) {
      this.end(
        new FeedError(
          'log-unavailable',
          `The log has not answered for ${tailTimes.giveUpMs / 1_000} s. Read on from the cursor of the last item.`,
        ),
      );
      return null;
    }
    for (let tried = 0; tried < this.#readers.length; tried += 1) {
      const reader = this.#readers[this.#turn % this.#readers.length];
      this.#turn += 1;
      const item = reader === undefined ? null : this.#takeFrom(reader);
      if (item !== null) return item;
    }
    if (this.#readers.every((reader) => reader.hasEnded())) this.end(null);
    return null;
  }

  #takeFrom(reader: ChannelReader): ReadItem | null {
    const { filter } = this.#options;
    for (let offer = reader.offer(); ; offer = reader.offer()) {
      if (offer.kind === 'gap') {
        const gap = toGap(reader.tail.channel, reader.position().id, offer.loss, filter !== null);
        reader.moveTo(offer.loss.resume);
        return { kind: 'gap', gap, cursor: cursorOf(this.#readers) };
      }
      if (offer.kind !== 'entries') return null;
      const { entries, base } = offer.segment;
      let index = offer.from;
      let entry = entries[index];
      while (index < entries.length - 1 && entry !== undefined && !isWanted(filter, entry)) {
        index += 1;
        entry = entries[index];
      }
      if (entry === undefined) return null;
      reader.moveTo({ id: entry.id, epoch: base.epoch });
      if (isWanted(filter, entry))
        return { kind: 'event', event: JSON.parse(jsonOf(entry)), cursor: cursorOf(this.#readers) };
    }
  }

  #isOver(): boolean {
    return this.#state === 'over';
  }

  /** The failure that ended the reader, once; after that it is done. */
  #endOrFail(): Promise<IteratorResult<ReadItem, undefined>> {
    const failure = this.#failure;
    this.#failure = null;
    return failure === null ? Promise.resolve(done) : Promise.reject(failure);
  }

  #holdProcess(isHeld: boolean): void {
    if (isHeld) this.#keepAlive ??= setInterval(() => undefined, keepAliveMs);
    else if (this.#keepAlive !== null) {
      clearInterval(this.#keepAlive);
      this.#keepAlive = null;
    }
  }
}

const done = { done: true, value: undefined } as const;

/** Any time does: the timer only has to be there. */
const keepAliveMs = 60_000;

function toFeedError(cause: unknown): FeedError {
  if (cause instanceof FeedError) return cause;
  return new FeedError('internal-error', 'The feed cannot be read.', { cause });
}
