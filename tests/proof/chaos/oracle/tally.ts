/** Counts what happens during a run. */
export type Tally = {
  /** A fault struck. */
  struck(fault: string): void;
  /** A fault cut a connection; null: no fault caused it. */
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

/** How long readers needed to get an event that was published after a fault. */
export type Recoveries = {
  /** A fault ended for these readers at this moment. */
  await(fault: string, readers: readonly string[]): void;
  /**
   * A reader received an event that was sent first at `sentAt`, by `performance.now()`.
   * @param receivedAt when it received the event, by the same clock; default: now.
   */
  received(reader: string, sentAt: number, receivedAt?: number): void;
  /** The times of each fault in ms, in rising order. */
  times(): ReadonlyMap<string, readonly number[]>;
};

type Pending = { readonly fault: string; readonly overAt: number };

/** Maximum number of faults that wait for the recovery of one reader. */
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
    received(reader, sentAt, receivedAt = performance.now()) {
      const own = pending.get(reader);
      if (own === undefined || own.length === 0) return;
      const isRecovered = ({ overAt }: Pending) => sentAt > overAt;
      for (const { fault, overAt } of own.filter(isRecovered)) {
        const list = times.get(fault) ?? [];
        list.push(receivedAt - overAt);
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
