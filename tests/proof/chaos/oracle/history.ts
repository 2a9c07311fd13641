import type { Gap } from '../../../../lib/core/continuity.ts';

/** An event as the log stored it, or a reader was told it. */
export type Fact = {
  readonly channel: string;
  /** `<time>-<seq>` */
  readonly id: string;
  readonly seq: number;
  readonly type: string;
  /** Its data as JSON text. */
  readonly text: string;
};

/**
 * What a channel's log was between two losses of data. The first life begins empty; each further one with what the loss
 * has left of the one before: nothing, or its events up to some seq.
 */
export type Life = {
  /** Null while nothing was ever stored in it. */
  epoch: string | null;
  /** The event with seq n stands at n - 1. */
  readonly events: (Fact | undefined)[];
  /** What was trimmed, and when that was known, by `performance.now()`; both rise. */
  readonly trims: { readonly at: number; readonly upTo: number }[];
};

/** The lives of each channel, oldest first; at least one each. */
export type Lives = ReadonlyMap<string, readonly Life[]>;

export function emptyLife(): Life {
  return { epoch: null, events: [], trims: [] };
}

/** How long after a trim it may be known at the latest, in ms: readers may be told of it ahead of that. */
const knownWithinMs = 1_000;

/** Up to which seq a life's events had been trimmed at a time; 0: none. */
export function trimmedUpTo({ trims }: Life, at: number): number {
  return trims.findLast((trim) => trim.at <= at + knownWithinMs)?.upTo ?? 0;
}

/** Whether the event is one of this life. */
export function isOf(life: Life, { id, seq }: Pick<Fact, 'id' | 'seq'>): boolean {
  return life.events[seq - 1]?.id === id;
}

/** The seq of an id `<time>-<seq>`. */
export function seqOf(id: string): number {
  return Number(id.slice(id.indexOf('-') + 1));
}

/** What a reader was told, in the order it was told. */
export type HistoryEntry =
  | { readonly kind: 'event'; readonly fact: Fact }
  /** `at`: when it was told, by `performance.now()`. */
  | { readonly kind: 'gap'; readonly gap: Gap; readonly at: number };

/** A reader, and all it was told. */
export type History = {
  /** `tail 2`, for example. */
  readonly reader: string;
  readonly channels: readonly string[];
  /** Types it asked for; null: all. */
  readonly types: ReadonlySet<string> | null;
  /**
   * Where it began, by channel: the id after which it asked for everything, or `now` where it was not told which; the
   * oldest kept where none is here.
   */
  readonly begin: ReadonlyMap<string, string>;
  readonly entries: readonly HistoryEntry[];
};

/** A promise that was not kept. */
export type Violation = {
  readonly kind: /** Events that were never told, and no gap says so. */
    | 'unsaid gap'
    /** A gap says that events were lost which the log still had. */
    | 'unfounded gap'
    /** A gap gives another number than the truth. */
    | 'wrong count'
    | 'doubled'
    | 'out of order'
    /** An event that the log never stored, or not with these data. */
    | 'unknown event'
    /** A reader that did not get to the end of the log. */
    | 'stopped'
    /** An event that the log has under two ids. */
    | 'stored twice'
    /** What the log, the app or a publisher's answers did wrong. */
    | 'log'
    | 'app'
    | 'publisher';
  /** Who noticed: a reader, a publisher, a process. */
  readonly who: string;
  readonly what: string;
  /** Events that were lost by it. */
  readonly lost: number;
};
