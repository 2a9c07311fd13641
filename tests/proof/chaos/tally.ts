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
