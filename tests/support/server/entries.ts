import { type Entry, encodeEntry } from '../../../lib/server/tail/ring-buffer.ts';
import { range } from '../log/log-steps.ts';

/** The epoch of entries made here. */
export const epoch = 'abc123';

/** The time of entry `seq`: later by 10 ms than that of the one before. */
export function timeOf(seq: number): number {
  return 1_000 + seq * 10;
}

/** The position after entry `seq`. */
export function positionAt(seq: number, time = seq === 0 ? 0 : timeOf(seq)) {
  return { id: { time, seq }, epoch };
}

/** Entry `seq` of channel `feed`, with data of `size` letters. */
export function makeEntry(seq: number, size = 1, type = 'message'): Entry {
  const id = { time: timeOf(seq), seq };
  return encodeEntry('feed', epoch, { id, type, data: JSON.stringify('x'.repeat(size)) });
}

/** Entries `first` to `last`. */
export function makeEntries(first: number, last: number, size = 1): Entry[] {
  return range(first, last).map((seq) => makeEntry(seq, size));
}
