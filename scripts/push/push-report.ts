import type { Clock } from '../../lib/core/clock.ts';
import { escapeControlCharacters } from '../../lib/core/safe-text.ts';
import type { Tally } from './push-events.ts';

/** Where a report is written; standard error in the script. */
export type ReportTarget = { readonly isTTY?: boolean; write(text: string): unknown };

export type PushReport = {
  /** Shows how far it is, on a terminal only, in one line that is written over. */
  readonly progress: (tally: Tally) => void;
  /** Says something that stays. */
  readonly say: (text: string) => void;
  /** Says what was done in all. */
  readonly summary: (tally: Tally) => void;
};

/** How often the progress line is renewed, in ms. */
const everyMs = 200;

/** Tells of a push in words. */
export function createPushReport(target: ReportTarget, clock: Clock): PushReport {
  const startMs = clock.elapsed();
  let shownMs = startMs;
  let isLineOpen = false;
  const say = (said: string) => {
    // A server's words, or the input's, may be in it.
    const text = said.split('\n').map(escapeControlCharacters).join('\n');
    target.write(isLineOpen ? `\r\x1b[K${text}\n` : `${text}\n`);
    isLineOpen = false;
  };
  return {
    say,
    progress(tally) {
      const nowMs = clock.elapsed();
      if (target.isTTY !== true || nowMs - shownMs < everyMs) return;
      shownMs = nowMs;
      isLineOpen = true;
      const perSecond = Math.round((tally.events * 1_000) / (nowMs - startMs));
      target.write(`\r\x1b[K${count(tally.events, 'event')}, ${perSecond.toLocaleString('en')}/s`);
    },
    summary: (tally) => say(summaryText(tally, (clock.elapsed() - startMs) / 1_000)),
  };
}

function summaryText({ events, batches, retries, duplicates }: Tally, seconds: number): string {
  const parts = [
    `${count(events, 'event')} stored`,
    count(batches, 'batch', 'batches'),
    count(retries, 'retry', 'retries'),
    count(duplicates, 'duplicate'),
    `${seconds.toFixed(1)} s`,
  ];
  return parts.join(', ');
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}
