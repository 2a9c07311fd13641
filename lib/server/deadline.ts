/** When a stream hands over, and when it must have ended; both in ms from now. */
export type Deadline = {
  readonly handoverInMs: number;
  /** How long after the handover the server ends the stream. */
  readonly closesInMs: number;
};

/**
 * Plans a stream's end ahead of the platform's cut.
 * Margin a tenth of the limit, 1 to 10 s; jitter up to a fifth of it, at most 30 s, so
 * that readers that came together do not leave together.
 * @param limitSeconds seconds the platform leaves this request, from now.
 * @param random 0 ≤ x < 1, drawn per connection.
 */
export function planDeadline(limitSeconds: number, random: number): Deadline {
  const margin = Math.min(10, Math.max(1, limitSeconds / 10));
  const jitter = random * Math.min(30, limitSeconds / 5);
  return {
    handoverInMs: Math.max(0, (limitSeconds - margin - jitter) * 1_000),
    // A limit below the least margin still holds.
    closesInMs: 600 * Math.min(margin, limitSeconds),
  };
}

/** `retry:` in ms at a planned end: 250 to 1,000. */
export function plannedRetryMs(random: number): number {
  return Math.round(250 + random * 750);
}

/** `retry:` in ms in hello, for an end nobody planned: 1,000 to 5,000. */
export function unplannedRetryMs(random: number): number {
  return Math.round(1_000 + random * 4_000);
}
