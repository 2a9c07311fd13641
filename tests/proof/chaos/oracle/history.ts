import type { Gap } from '../../../../lib/core/continuity.ts';

/** An event as the log stored it, or as a reader received it. */
export type Fact = {
  readonly channel: string;
  /** `<time>-<seq>` */
  readonly id: string;
  readonly seq: number;
  readonly type: string;
  /** Its data as JSON text. */
  readonly text: string;
  /** What it is about, and whether it takes that out of the state. Only the log's own facts have it. */
  readonly subject?: string;
  readonly remove?: boolean;
};

/**
 * The log of one channel between two losses of data. The first life starts empty. Each later life starts with the events
 * that the loss left: none, or all up to some seq.
 */
export type Life = {
  /** Null until the first event of this life. */
  epoch: string | null;
  /** The event with seq n has the index n - 1. */
  readonly events: (Fact | undefined)[];
  /** Up to which seq events were deleted, and when the oracle knew it, by `performance.now()`; both rise. */
  readonly trims: { readonly at: number; readonly upTo: number }[];
};

/** The lives of each channel, oldest first; each channel has at least one. */
export type Lives = ReadonlyMap<string, readonly Life[]>;

export function emptyLife(): Life {
  return { epoch: null, events: [], trims: [] };
}

/** The oracle may learn of deleted events this late, in ms. A reader may get its gap earlier. */
const knownWithinMs = 1_000;

/** Up to which seq the events of a life were deleted at a time; 0: none were. */
export function trimmedUpTo({ trims }: Life, at: number): number {
  return trims.findLast((trim) => trim.at <= at + knownWithinMs)?.upTo ?? 0;
}

/** Whether the event belongs to this life. */
export function isOf(life: Life, { id, seq }: Pick<Fact, 'id' | 'seq'>): boolean {
  return life.events[seq - 1]?.id === id;
}

/** The seq of an id `<time>-<seq>`. */
export function seqOf(id: string): number {
  return Number(id.slice(id.indexOf('-') + 1));
}

/** One thing that a reader received. */
export type HistoryEntry =
  | { readonly kind: 'event'; readonly fact: Fact }
  /** `at`: when the reader received it, by `performance.now()`. */
  | { readonly kind: 'gap'; readonly gap: Gap; readonly at: number };

/** A reader and everything it received, in order. */
export type History = {
  /** `tail 2`, for example. */
  readonly reader: string;
  readonly channels: readonly string[];
  /** The types it filters by; null: all types. */
  readonly types: ReadonlySet<string> | null;
  /**
   * Where it started in each channel: after an id, or `now` if the id is not known. A channel that is not here started at
   * the oldest event.
   */
  readonly begin: ReadonlyMap<string, string>;
  readonly entries: readonly HistoryEntry[];
};

/** The state of a channel as a reader had it at a cursor. */
export type Snapshot = {
  readonly reader: string;
  readonly channel: string;
  /** The position at which it must be true. */
  readonly epoch: string | null;
  readonly id: string;
  /** Subject → id of its latest event. */
  readonly subjects: ReadonlyMap<string, string>;
};

/** A broken promise. */
export type Violation = {
  readonly kind: /** Events are missing, and no gap reports it. */
    | 'loss without a gap'
    /** A gap reports a loss, but the log still had the events. */
    | 'false gap'
    /** The number in a gap is wrong. */
    | 'wrong number'
    | 'received twice'
    | 'out of order'
    /** The log never stored this event, or stored other data. */
    | 'unknown event'
    /** A reader did not reach the end of the log. */
    | 'end not reached'
    /** A state is not the fold of the log at its cursor. */
    | 'wrong state'
    /** The log has one event under two ids. */
    | 'stored twice'
    /** A failure of the log, of the app, or in an answer to a publisher. */
    | 'log'
    | 'app'
    | 'publisher';
  /** Who noticed: a reader, a publisher, a process. */
  readonly who: string;
  readonly what: string;
  /** Events that were lost by it. */
  readonly lost: number;
};
