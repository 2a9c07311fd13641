import type { Values } from './constants.ts';
import { costOf } from './cost.ts';
import { type Load, largest, type Scenario } from './scenario.ts';
import type { Way } from './way.ts';

/** Something that ends a way to deliver events when there are too many readers. */
type Limit = {
  readonly name: string;
  /** How much of it a load takes; beyond 1 it breaks. */
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

/** How many readers a limit lets have. */
export type Break = { readonly readers: number; readonly limit: string };

/** More readers than anybody has: what holds for as many does not break. */
const mostReaders = 100_000_000;

/** What breaks when readers become more, in that order; without what never does. */
export function breaksOf(way: Way, values: Values, scenario: Scenario): readonly Break[] {
  return limits
    .map(({ name, share }) => ({
      limit: name,
      readers: readersWithin(way, values, scenario, share),
    }))
    .filter(({ readers }) => readers < mostReaders)
    .sort((one, other) => one.readers - other.readers);
}

/** Whether a load is beyond a limit. */
export function isBroken(values: Values, load: Load): boolean {
  return limits.some(({ share }) => share(values, load) > 1);
}

/** How many readers the budget pays for; 0 where it does not pay for one. */
export function readersForBudget(way: Way, values: Values, scenario: Scenario): number {
  const one = budget.share(values, way.load(values, { ...scenario, readers: 1 }));
  return one > 1 ? 0 : readersWithin(way, values, scenario, budget.share);
}

function readersWithin(way: Way, values: Values, scenario: Scenario, share: Limit['share']): number {
  return largest(mostReaders, (readers) => share(values, way.load(values, { ...scenario, readers })) <= 1);
}
