import type { Gap } from '../../lib/core/continuity.ts';

/*
 * Figures as text, without the reader's locale: server and browser must write the same characters, or the page
 * would change under its reader's eyes when it comes to life.
 */

const grouped = new Intl.NumberFormat('en-US');

/** 10000 → `10,000`. */
export function countText(count: number): string {
  return grouped.format(count);
}

/** 90_061 → `1 d 1 h`; the two largest units, the smallest a second. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor(whole / 3_600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) return `${countText(days)} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  if (minutes > 0) return `${minutes} min ${whole % 60} s`;
  return `${whole} s`;
}

/** A text's size: `824 characters`, `61,440 characters`. */
export function sizeText(text: string): string {
  return `${countText(text.length)} characters`;
}

/** The seq of an id `<time>-<seq>`, or of a cursor's first position; null where there is none to be read. */
export function seqOf(id: string | null): number | null {
  const match = /(?:^|@)\d+-(\d+)/.exec(id ?? '');
  return match === null ? null : Number(match[1]);
}

/**
 * Says what is missing at a gap.
 * @param retention events the log keeps per channel; null where that is not known.
 */
export function gapWords({ reason, missed, exact }: Gap, retention: number | null): string {
  if (reason === 'restarted') return 'The log was begun again here; what came before may be missing.';
  const keeps = retention === null ? '' : ` (the log keeps the last ${countText(retention)})`;
  if (missed === null) return `Some events are gone${keeps}.`;
  const upTo = exact ? '' : 'Up to ';
  return `${upTo}${countText(missed)} ${missed === 1 ? 'event is' : 'events are'} gone${keeps}.`;
}
