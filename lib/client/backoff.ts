import type { ConnectionSettings } from '../config/client-timing.ts';

/**
 * Time in ms to wait after the `failures`-th failure in a row (1, 2, …): anything up to a range that doubles
 * ("full jitter"), so that readers cut at the same moment do not come back at the same moment.
 * A `Retry-After` is waited out first; the random part is added to it.
 */
export function backoffMs(
  failures: number,
  retryAfterMs: number | null,
  random: number,
  settings: ConnectionSettings,
): number {
  const range = Math.min(settings.maxBackoffMs, settings.backoffMs * 2 ** Math.max(0, failures - 1));
  return Math.min(settings.maxRetryAfterMs, retryAfterMs ?? 0) + random * range;
}

/** Time in ms to the next try to stream while polling: doubles with each, and differs by a fifth between readers. */
export function probeMs(probes: number, random: number, settings: ConnectionSettings): number {
  return Math.min(settings.maxProbeMs, settings.probeMs * 2 ** probes) * (1 + random / 5);
}
