import type { Batch } from './gather.ts';

/** The part of the input a batch was read from: `line 5`, `lines 5 to 104`. */
export function nameLines(batch: Batch): string {
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
