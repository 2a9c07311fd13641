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
