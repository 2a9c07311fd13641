/** Beyond this many ms from 1970 there is no date (ECMAScript, "Time Values and Time Range"). */
const farthestMs = 8.64e15;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** The time of day in UTC, to the second or the ms: `20:33:54`. */
export function utcTime(timeMs: number, precision: 's' | 'ms' = 's'): string {
  return isoOf(timeMs).slice(11, precision === 's' ? 19 : 23);
}

/** The day in UTC: `2025-11-22`. */
export function utcDay(timeMs: number): string {
  return isoOf(timeMs).slice(0, 10);
}

/** The time of day in the reader's zone and locale. */
export function localTime(timeMs: number): string {
  return clock.format(clamp(timeMs));
}

/** The day in the reader's zone and locale. */
export function localDay(timeMs: number): string {
  return day.format(clamp(timeMs));
}

function isoOf(timeMs: number): string {
  return new Date(clamp(timeMs)).toISOString();
}

/** A time that no date can hold must not break the list; years beyond 9999 would not fit the columns either. */
function clamp(timeMs: number): number {
  return Math.abs(timeMs) < farthestMs / 36 ? timeMs : 0;
}
