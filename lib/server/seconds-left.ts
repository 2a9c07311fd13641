import { getDeadline } from '@vercel/functions';

/**
 * Seconds that the platform leaves the request that is being handled: its own word for it where it gives one, else the
 * limit. Ask at the request's start.
 * @param now Unix time in ms.
 */
export function secondsLeft(limitSeconds: number, now: number): number {
  const deadline = getDeadline();
  return deadline === undefined ? limitSeconds : Math.max(0, (deadline.getTime() - now) / 1_000);
}
