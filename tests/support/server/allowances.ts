import type { RateLimit } from '../../../lib/log/event-log.ts';
import { rateLimited } from '../../../lib/log/rate-limit.ts';

/** How much each name has left. */
export type Allowances = {
  /** @throws FeedError `rate-limited` if one of the limits has too few left. */
  check(limits: readonly RateLimit[], count: number): void;
  /** Takes `count` events from all limits. */
  spend(limits: readonly RateLimit[], count: number): void;
  clear(): void;
};

/** The rate limits of the model: one token bucket for each name, as the number of events that are left in it. */
export function createAllowances(now: () => number): Allowances {
  const buckets = new Map<string, { readonly left: number; readonly at: number }>();

  function leftOf({ name, perSecond, burst }: RateLimit): number {
    const bucket = buckets.get(name) ?? { left: burst, at: now() };
    const passedMs = Math.max(0, now() - bucket.at);
    return Math.min(burst, bucket.left + (passedMs * perSecond) / 1_000);
  }

  return {
    check(limits, count) {
      const waits = limits.map((limit) => ({
        limit,
        waitMs: ((count - leftOf(limit)) * 1_000) / limit.perSecond,
      }));
      const [longest] = waits.sort((a, b) => b.waitMs - a.waitMs);
      if (longest !== undefined && longest.waitMs > 0) throw rateLimited(longest.limit, longest.waitMs);
    },
    spend(limits, count) {
      for (const limit of limits) buckets.set(limit.name, { left: leftOf(limit) - count, at: now() });
    },
    clear: () => buckets.clear(),
  };
}
