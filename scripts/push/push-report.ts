import type { Clock } from '../../lib/core/clock.ts';
import { escapeControlCharacters } from '../../lib/core/safe-text.ts';
import type { Batch } from './push-input.ts';

/** What a push has done so far. */
export type Tally = {
  /** Events that are in the log. */
  readonly events: number;
  readonly batches: number;
  readonly retries: number;
  /** How many of `events` were stored before: by an earlier try, or by an earlier push with the same key. */
  readonly duplicates: number;
};

/** Where a report goes: the command's stderr. */
type ReportTarget = { readonly isTTY?: boolean; write(text: string): unknown };

type PushReport = {
  /** Shows the progress in one line that it overwrites. Does nothing when the target is not a terminal. */
  readonly progress: (tally: Tally) => void;
  /** Prints a line that stays. */
  readonly say: (text: string) => void;
  /** Prints the totals. */
  readonly summary: (tally: Tally) => void;
};

/** How often the progress line changes, in ms. */
const progressEveryMs = 200;

/** Reports a push on a terminal or in a log file. Escapes what a server or a file could send to the terminal. */
export function createPushReport(target: ReportTarget, clock: Clock): PushReport {
  const startMs = clock.elapsed();
  let shownMs = startMs;
  let hasProgressLine = false;
  const say = (message: string) => {
    const text = message.split('\n').map(escapeControlCharacters).join('\n');
    target.write(hasProgressLine ? `\r\x1b[K${text}\n` : `${text}\n`);
    hasProgressLine = false;
  };
  return {
    say,
    progress(tally) {
      const nowMs = clock.elapsed();
      if (target.isTTY !== true || nowMs - shownMs < progressEveryMs) return;
      shownMs = nowMs;
      hasProgressLine = true;
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

/**
 * Explains why a batch failed, and which events are stored. If the server names one event of the batch, `events[3]` or
 * `line 4`, the explanation names its line of the input.
 * @param isUncertain whether the server may have stored the batch.
 * @param keyPrefix the prefix of the push's idempotency keys. With it the push can be repeated safely.
 */
export function failureText(
  batch: Batch,
  { reason, isUncertain }: { readonly reason: string; readonly isUncertain: boolean },
  keyPrefix: string,
): string {
  const line = batch[findIndex(reason) ?? -1]?.line ?? null;
  const where = line === null ? nameLines(batch) : `line ${line}`;
  return `${where}: ${reason}\n${storedText(batch, isUncertain, keyPrefix)}`;
}

/** The index in the batch of the event that the server names: `events[3]`, or `line 4` of the request. */
function findIndex(reason: string): number | null {
  const index = /\bevents\[(\d+)\]/.exec(reason)?.[1];
  if (index !== undefined) return Number(index);
  const number = /\bline (\d+)\b/.exec(reason)?.[1];
  return number === undefined ? null : Number(number) - 1;
}

/** The part of the input that a batch was read from: `line 5`, `lines 5 to 104`, `the text`. */
function nameLines(batch: Batch): string {
  const first = batch[0].line;
  const last = batch.at(-1)?.line ?? null;
  if (first === null || last === null) return 'the text';
  return first === last ? `line ${first}` : `lines ${first} to ${last}`;
}

function storedText(batch: Batch, isUncertain: boolean, keyPrefix: string): string {
  const lines = nameLines(batch);
  const first = batch[0].line;
  const before = first === null || first === 1 ? '' : ` All events before line ${first} are stored.`;
  if (isUncertain) {
    return `The server may have stored ${lines}: its answer was lost. To store nothing twice, push the same input again with the same options and --key ${keyPrefix}.${before}`;
  }
  return first === null ? 'The text is not stored.' : `Nothing from ${lines} is stored.${before}`;
}
