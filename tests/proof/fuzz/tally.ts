import type { TimedAnswer } from './exchange.ts';
import type { Plan } from './plan.ts';

/** What a run has seen. */
export type Tally = {
  count(plan: Plan, answer: TimedAnswer, isOfParser: boolean): void;
  addFailure(): void;
  failures(): number;
  /** Answers by status; those of Node's parser, ahead of our code, as `400 (parser)`. */
  statuses(): ReadonlyMap<string, number>;
  /** The answer that took longest. */
  slowest(): { readonly tookMs: number; readonly number: number };
};

export function makeTally(): Tally {
  const statuses = new Map<string, number>();
  let failures = 0;
  let slowest = { tookMs: 0, number: 0 };
  return {
    count({ number }, { status, tookMs }, isOfParser) {
      const name = isOfParser ? `${status} (parser)` : String(status);
      statuses.set(name, (statuses.get(name) ?? 0) + 1);
      if (tookMs > slowest.tookMs) slowest = { tookMs, number };
    },
    addFailure() {
      failures += 1;
    },
    failures: () => failures,
    statuses: () => new Map([...statuses].toSorted()),
    slowest: () => slowest,
  };
}
