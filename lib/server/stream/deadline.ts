import { getDeadline } from '@vercel/functions';

/** When a stream must leave its request. */
export type Deadline = {
  /** Time from now to the handover, in ms. */
  readonly handoverInMs: number;
  /** Time from the handover to the end of the stream, in ms. */
  readonly closesInMs: number;
};

/**
 * Plans the end of a stream before the platform cuts the request. The margin is a tenth of the limit, 1 to 10 s. The
 * jitter is up to a fifth of the limit, at most 30 s, so that readers that came together do not leave together.
 * @param limitSeconds seconds that the platform gives this request, from now.
 * @param random 0 ≤ x < 1, drawn for each connection.
 */
export function planDeadline(limitSeconds: number, random: number): Deadline {
  const margin = Math.min(10, Math.max(1, limitSeconds / 10));
  const jitter = random * Math.min(30, limitSeconds / 5);
  return {
    handoverInMs: Math.max(0, (limitSeconds - margin - jitter) * 1_000),
    // 60 % of the margin, which is 600 ms for each of its seconds. In the rest a slow reader takes the last bytes (see
    // `graceShare`) before the platform cuts the request. A limit below 1 s is shorter than the least margin.
    closesInMs: Math.round(600 * Math.min(margin, limitSeconds)),
  };
}

/**
 * Seconds that the current request has left: what the platform says, or `limitSeconds` if it says nothing. Call it at the
 * start of the request.
 * @param now Unix time in ms.
 */
export function secondsLeft(limitSeconds: number, now: number): number {
  const deadline = getDeadline();
  return deadline === undefined ? limitSeconds : Math.max(0, (deadline.getTime() - now) / 1_000);
}

/** The `retry:` of a planned end, in ms: 250 to 1,000. */
export function plannedRetryMs(random: number): number {
  return Math.round(250 + random * 750);
}

/** The `retry:` in hello, for an end that nobody planned, in ms: 1,000 to 5,000. */
export function unplannedRetryMs(random: number): number {
  return Math.round(1_000 + random * 4_000);
}
