import type { RateLimit } from './event-log.ts';
import { chargeLimit, chargeOf, rateLimited } from './rate-limit.ts';
import type { SqliteStatements } from './sqlite-statements.ts';

/** The most names forgotten by one append: more than it remembers, so that old ones never pile up. */
const forgetAtMost = 20;

/**
 * Charges a request of `count` events to all of its limits, and forgets some names whose allowance is full again.
 * @param nowMs the log's clock, Unix time in ms.
 * @throws FeedError `rate-limited`, of the limit that asks for the longest wait, when it is beyond one.
 */
export function chargeLimits(
  statements: SqliteStatements,
  limits: readonly RateLimit[],
  count: number,
  nowMs: number,
): void {
  if (limits.length === 0) return;
  const charged = limits.map((limit) => {
    const row = statements.findRate.get(limit.name);
    return {
      limit,
      ...chargeLimit(row === undefined ? null : Number(row.full_at), nowMs, chargeOf(limit, count)),
    };
  });
  const waitMs = Math.max(...charged.map((each) => each.waitMs));
  const beyond = charged.find((each) => each.waitMs > 0 && each.waitMs === waitMs);
  if (beyond !== undefined) throw rateLimited(beyond.limit, waitMs);
  statements.forgetRates.run(nowMs, forgetAtMost);
  for (const { limit, fullAt } of charged) statements.rememberRate.run(limit.name, fullAt);
}
