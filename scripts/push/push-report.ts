import type { Clock } from '../../lib/core/clock.ts';
import { escapeControlCharacters } from '../../lib/core/safe-text.ts';
import type { Batch } from './push-input.ts';

/** What was done so far. */
export type Tally = {
  /** Events that are in the log. */
  readonly events: number;
  readonly batches: number;
  readonly retries: number;
  /** How many of `events` an earlier try, or an earlier run with this key, had stored. */
  readonly duplicates: number;
};

/** Where a report is written; standard error in the script. */
type ReportTarget = { readonly isTTY?: boolean; write(text: string): unknown };

type PushReport = {
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

/** The part of the input a batch was read from: `line 5`, `lines 5 to 104`. */
function nameLines(batch: Batch): string {
  const first = batch[0].line;
  const last = batch.at(-1)?.line ?? null;
  if (first === null || last === null) return 'the text';
  return first === last ? `line ${first}` : `lines ${first} to ${last}`;
}

/**
 * Says what became of a batch that failed. Where the server names one event of it, `events[3]` or `line 4`, the line
 * of the input is named.
 * @param failure why, and whether the batch may have been stored all the same.
 * @param keyPrefix the push's own, under which it may be repeated.
 */
export function failureText(
  batch: Batch,
  { reason, isUncertain }: { readonly reason: string; readonly isUncertain: boolean },
  keyPrefix: string,
): string {
  const line = batch[findIndex(reason) ?? -1]?.line ?? null;
  const what = line === null ? nameLines(batch) : `line ${line}`;
  return `${what}: ${reason}\n${nameFate(batch, isUncertain, keyPrefix)}`;
}

function findIndex(reason: string): number | null {
  const index = /\bevents\[(\d+)\]/.exec(reason)?.[1];
  if (index !== undefined) return Number(index);
  const number = /\bline (\d+)\b/.exec(reason)?.[1];
  return number === undefined ? null : Number(number) - 1;
}

function nameFate(batch: Batch, isUncertain: boolean, keyPrefix: string): string {
  const lines = nameLines(batch);
  const first = batch[0].line;
  const before = first === null || first === 1 ? '' : `; everything before line ${first} is stored`;
  if (isUncertain) {
    const again = `the same ${first === null ? 'text' : 'file'} pushed again with --key ${keyPrefix} stores nothing twice`;
    return `whether ${lines} arrived is not known, an answer was lost; ${again}${before}`;
  }
  return first === null ? 'nothing is stored' : `nothing of ${lines} is stored${before}`;
}
