import type { Entry } from './entry.ts';

/** Frames of neighbouring entries as one chunk. */
export type Joined = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many entries it holds. */
  readonly count: number;
};

type Memo = { length: number; readonly chunks: Map<number, Joined> };

/** Chunks remembered of one array. Few cursors are shared by many streams; each chunk may be as large as `maxBytes`. */
const maxChunks = 16;

/** Per array of entries: what was joined since it last grew. Streams at the same cursor write the same bytes. */
const memos = new WeakMap<readonly Entry[], Memo>();

/**
 * Joins the frames from index `from` on into one chunk of at most `maxBytes`, one frame at least.
 * Call it with the same `maxBytes` always: it is not part of what is remembered.
 */
export function joinFrames(entries: readonly Entry[], from: number, maxBytes: number): Joined {
  const first = entries[from];
  if (first !== undefined && from === entries.length - 1) return { bytes: first.frame, count: 1 };
  const memo = memoOf(entries);
  const known = memo.chunks.get(from);
  if (known !== undefined) return known;
  const frames: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (let i = from; i < entries.length; i++) {
    const frame = entries[i]?.frame ?? new Uint8Array();
    if (frames.length > 0 && size + frame.length > maxBytes) break;
    frames.push(frame);
    size += frame.length;
  }
  const joined = { bytes: Buffer.concat(frames, size), count: frames.length };
  if (memo.chunks.size >= maxChunks) memo.chunks.clear();
  memo.chunks.set(from, joined);
  return joined;
}

function memoOf(entries: readonly Entry[]): Memo {
  let memo = memos.get(entries);
  if (memo === undefined) {
    memo = { length: entries.length, chunks: new Map() };
    memos.set(entries, memo);
  }
  if (memo.length !== entries.length) {
    memo.length = entries.length;
    memo.chunks.clear();
  }
  return memo;
}
