import type { Values } from './constants.ts';
import { costOf } from './cost.ts';
import { type Load, largest, type Scenario } from './scenario.ts';
import type { Way } from './way.ts';

/** A limit on the number of readers. */
type Limit = {
  readonly name: string;
  /** The share of the limit that a load takes; it breaks above 1. */
  readonly share: (values: Values, load: Load) => number;
};

const limits: readonly Limit[] = [
  { name: 'open requests', share: (values, load) => load.openRequests / values.maxOpenRequests },
  { name: 'Redis connections', share: (values, load) => load.subscriptions / values.redisConnections },
  {
    name: 'Redis commands a second',
    share: (values, load) => load.redisCommandsPerSecond / values.redisCommandsPerSecond,
  },
  {
    name: 'Redis bandwidth',
    share: (values, load) => load.redisBytesPerSecond / (values.redisOutMB * 1e6),
  },
];

const budget: Limit = {
  name: 'budget',
  share: (values, load) => {
    const { platform, redis } = costOf(values, load);
    return (platform + redis) / values.budgetDollars;
  },
};

/** The number of readers that a limit allows. */
export type Break = { readonly readers: number; readonly limit: string };

/** More readers than anyone has. A limit that allows as many counts as never reached. */
const mostReaders = 100_000_000;

/** The limits in the order in which a growing number of readers reaches them. */
export function breaksOf(way: Way, values: Values, scenario: Scenario): readonly Break[] {
  return limits
    .map(({ name, share }) => ({
      limit: name,
      readers: readersWithin(way, values, scenario, share),
    }))
    .filter(({ readers }) => readers < mostReaders)
    .sort((one, other) => one.readers - other.readers);
}

/** Whether a load exceeds a limit. */
export function isBroken(values: Values, load: Load): boolean {
  return limits.some(({ share }) => share(values, load) > 1);
}

/** How many readers the budget pays for; 0 if it does not pay for one. */
export function readersForBudget(way: Way, values: Values, scenario: Scenario): number {
  const one = budget.share(values, way.load(values, { ...scenario, readers: 1 }));
  return one > 1 ? 0 : readersWithin(way, values, scenario, budget.share);
}

function readersWithin(way: Way, values: Values, scenario: Scenario, share: Limit['share']): number {
  return largest(mostReaders, (readers) => share(values, way.load(values, { ...scenario, readers })) <= 1);
}
