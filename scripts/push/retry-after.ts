/**
 * Reads a `Retry-After` header (RFC 9110, section 10.2.3): seconds or a date.
 * @param nowMs Unix time in ms.
 * @returns ms to wait, at least 0; null when there is none or it cannot be read.
 */
export function parseRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const timeMs = Date.parse(header);
  return Number.isNaN(timeMs) ? null : Math.max(0, timeMs - nowMs);
}
