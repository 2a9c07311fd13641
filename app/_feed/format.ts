import type { Gap } from '../../lib/core/continuity.ts';

/*
 * These functions ignore the reader's locale. Server and browser must write the same characters, or the text would
 * change when the page hydrates.
 */

const grouped = new Intl.NumberFormat('en-US');

/** 10000 → `10,000`. */
export function formatCount(count: number): string {
  return grouped.format(count);
}

/** 90_061 → `1 d 1 h`: the two largest units, nothing below a second. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3_600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${formatCount(days)} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

/** The size of a text: `824 characters`, `61,440 characters`. */
export function formatSize(text: string): string {
  return `${formatCount(text.length)} characters`;
}

/** The seq of an id `<time>-<seq>`, or of the first position of a cursor; null if there is none. */
export function parseSeq(id: string | null): number | null {
  const match = /(?:^|@)\d+-(\d+)/.exec(id ?? '');
  return match === null ? null : Number(match[1]);
}

/**
 * Says how many events are missing at a gap.
 * @param retention events the log keeps per channel; null if that is not known.
 */
export function describeGap({ reason, missed, exact }: Gap, retention: number | null): string {
  if (reason === 'restarted') return 'The log was restarted here. Earlier events may be missing.';
  const keeps = retention === null ? '' : ` (the log keeps the last ${formatCount(retention)})`;
  if (missed === null) return `Some events are gone${keeps}.`;
  const upTo = exact ? '' : 'Up to ';
  return `${upTo}${formatCount(missed)} ${missed === 1 ? 'event is' : 'events are'} gone${keeps}.`;
}
