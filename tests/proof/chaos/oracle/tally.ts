/** What was counted during a run. */
export type Tally = {
  /** A fault struck. */
  struck(fault: string): void;
  /** A connection ended by a fault; null: nobody meant it. */
  cut(fault: string | null): void;
  /** A publisher tried again. */
  retry(): void;
  readonly strikes: ReadonlyMap<string, number>;
  readonly cuts: ReadonlyMap<string | null, number>;
  retries(): number;
  /** All connections that ended. */
  allCuts(): number;
};

export function createTally(): Tally {
  const strikes = new Map<string, number>();
  const cuts = new Map<string | null, number>();
  let retries = 0;
  return {
    struck: (fault) => void strikes.set(fault, (strikes.get(fault) ?? 0) + 1),
    cut: (fault) => void cuts.set(fault, (cuts.get(fault) ?? 0) + 1),
    retry() {
      retries += 1;
    },
    strikes,
    cuts,
    retries: () => retries,
    allCuts: () => [...cuts.values()].reduce((sum, each) => sum + each, 0),
  };
}

/** How long readers took to get what was published after a fault. */
export type Recoveries = {
  /** A fault was over for a reader, at this moment. */
  await(fault: string, readers: readonly string[]): void;
  /**
   * A reader was told an event that was first sent at `sentAt`, by `performance.now()`.
   * @param toldAt by the same; now where it is not given.
   */
  told(reader: string, sentAt: number, toldAt?: number): void;
  /** Times in ms by fault, in rising order. */
  times(): ReadonlyMap<string, readonly number[]>;
};

type Pending = { readonly fault: string; readonly overAt: number };

/** More that wait for one reader are not noted: a reader that is away is cut no more. */
const maxPending = 50;

export function createRecoveries(): Recoveries {
  const pending = new Map<string, Pending[]>();
  const times = new Map<string, number[]>();
  return {
    await(fault, readers) {
      const overAt = performance.now();
      for (const reader of readers) {
        const own = pending.get(reader) ?? [];
        if (own.length < maxPending) own.push({ fault, overAt });
        pending.set(reader, own);
      }
    },
    told(reader, sentAt, toldAt = performance.now()) {
      const own = pending.get(reader);
      if (own === undefined || own.length === 0) return;
      const isRecovered = ({ overAt }: Pending) => sentAt > overAt;
      for (const { fault, overAt } of own.filter(isRecovered)) {
        const list = times.get(fault) ?? [];
        list.push(toldAt - overAt);
        times.set(fault, list);
      }
      pending.set(
        reader,
        own.filter((each) => !isRecovered(each)),
      );
    },
    times: () => new Map([...times].map(([fault, list]) => [fault, list.toSorted((a, b) => a - b)])),
  };
}
