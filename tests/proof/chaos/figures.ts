import type { ChaosOptions } from './chaos-options.ts';
import type { Violation } from './oracle/history.ts';
import type { Comparison, Side } from './peer/comparison.ts';
import type { Outcome } from './run-chaos.ts';

/** The effect of one fault. */
export type FaultFigures = {
  readonly fault: string;
  readonly struck: number;
  /** The connections that it cut. */
  readonly cuts: number;
  /** Recovery: each reader's time to its next event that was published after the fault, in ms; null without any. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};

/** The figures of a run, as `--json` writes them. */
export type Figures = {
  readonly seed: number;
  readonly seconds: number;
  readonly together: number;
  readonly readers: number;
  readonly cuts: number;
  readonly deliveries: number;
  readonly acknowledged: number;
  /** Requests that publishers sent again. */
  readonly retries: number;
  /** States that readers had, each compared with the fold of the log at its cursor. */
  readonly states: number;
  /** Gaps that readers received, by reason. */
  readonly trimmedGaps: number;
  readonly restartedGaps: number;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly unsaidGaps: number;
  /** Number of broken promises. */
  readonly violations: number;
  readonly faults: readonly FaultFigures[];
  /** This feed compared with the peer, if the peer ran. */
  readonly comparison?: Comparison;
};

/** The figures of a run. */
export function figuresOf(options: ChaosOptions, outcome: Outcome): Figures {
  const { tally, violations, recoveries, deliveries, acknowledged, gaps, peer } = outcome;
  const count = (kind: Violation['kind']) => violations.filter((each) => each.kind === kind).length;
  return {
    ...{ seed: options.seed, seconds: options.forMs / 1_000 },
    ...{ together: options.together, readers: outcome.readers },
    ...{ deliveries, acknowledged, retries: tally.retries(), states: outcome.states },
    ...{ trimmedGaps: gaps.trimmed, restartedGaps: gaps.restarted },
    cuts: tally.allCuts(),
    lost: violations.reduce((sum, { lost }) => sum + lost, 0),
    doubled: count('received twice'),
    outOfOrder: count('out of order'),
    unsaidGaps: count('loss without a gap'),
    violations: violations.length,
    faults: options.chosen.map(({ name }) => ({
      fault: name,
      struck: tally.strikes.get(name) ?? 0,
      cuts: tally.cuts.get(name) ?? 0,
      p50Ms: quantile(recoveries.get(name) ?? [], 0.5),
      p99Ms: quantile(recoveries.get(name) ?? [], 0.99),
    })),
    ...(peer !== null && { comparison: { ours: sideOf(outcome), peer } }),
  };
}

/** The figures of this feed that the peer has too. */
function sideOf({ readers, violations, tally, recoveries, deliveries, acknowledged, gaps }: Outcome): Side {
  const own = (kind: Violation['kind']) => violations.filter((each) => each.kind === kind);
  const times = [...recoveries.values()].flat().toSorted((a, b) => a - b);
  return {
    ...{ readers, deliveries, acknowledged, cuts: tally.allCuts(), retries: tally.retries() },
    atEnd: readers - new Set(own('end not reached').map(({ who }) => who)).size,
    gaps: gaps.trimmed + gaps.restarted,
    lost: violations.reduce((sum, { lost }) => sum + lost, 0),
    lostWithData: own('loss without a gap').length,
    toldTwice: own('received twice').length,
    storedTwice: own('stored twice').length,
    outOfOrder: own('out of order').length,
    ...{ p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) },
  };
}

/** A quantile of sorted values, rounded; null if there are none. */
export function quantile(sorted: readonly number[], share: number): number | null {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return value === undefined ? null : Math.round(value);
}
