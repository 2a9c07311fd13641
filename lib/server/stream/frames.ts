import { toGap } from '../../core/continuity.ts';
import { formatCursor, type Position } from '../../core/cursor.ts';
import { gapFrame } from '../../core/sse-frames.ts';
import type { Entry } from '../tail/ring-buffer.ts';
import type { ChannelReader, Offer } from './channel-reader.ts';

/** Most bytes of one chunk. */
export const maxChunkBytes = 256 * 1024;

const encoder = new TextEncoder();

/** Where a connection is in all its channels. */
export function cursorOf(readers: readonly ChannelReader[]): string {
  return formatCursor(new Map(readers.map((reader) => [reader.tail.channel, reader.position()])));
}

/**
 * Takes what the readers may be given now, as frames of at most about 256 KiB together, and moves their positions
 * past it.
 * @param types types to deliver; null: all. Others are passed over in silence.
 */
export function collectFrames(
  readers: readonly ChannelReader[],
  types: ReadonlySet<string> | null,
): Uint8Array<ArrayBuffer>[] {
  const [only] = readers;
  if (only !== undefined && readers.length === 1 && types === null) return collectReady(only);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let room = maxChunkBytes;
  for (const reader of readers) {
    for (let offer = reader.offer(); room > 0; offer = reader.offer()) {
      if (offer.kind === 'gap') room -= addGap(parts, readers, reader, offer, types !== null);
      else if (offer.kind === 'entries') room -= addEach(parts, readers, reader, offer, types, room);
      else break;
    }
  }
  return parts;
}

/** One channel, all types: the bytes are ready, and the same for every stream at this cursor. */
function collectReady(reader: ChannelReader): Uint8Array<ArrayBuffer>[] {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let offer = reader.offer();
  while (offer.kind === 'gap') {
    addGap(parts, [reader], reader, offer, false);
    offer = reader.offer();
  }
  if (offer.kind !== 'entries') return parts;
  const { segment, from } = offer;
  const { bytes, count } = joinFrames(segment.entries, from, maxChunkBytes);
  const last = segment.entries[from + count - 1];
  if (last !== undefined) reader.moveTo({ id: last.id, epoch: segment.base.epoch });
  parts.push(bytes);
  return parts;
}

function addGap(
  parts: Uint8Array<ArrayBuffer>[],
  readers: readonly ChannelReader[],
  reader: ChannelReader,
  { loss }: Extract<Offer, { kind: 'gap' }>,
  isFiltered: boolean,
): number {
  const gap = toGap(reader.tail.channel, reader.position().id, loss, isFiltered);
  reader.moveTo(loss.resume);
  const frame = encoder.encode(gapFrame(cursorOf(readers), gap));
  parts.push(frame);
  return frame.length;
}

/** Several channels, or a filter: the data is ready, the cursor in front of it is this connection's own. */
function addEach(
  parts: Uint8Array<ArrayBuffer>[],
  readers: readonly ChannelReader[],
  reader: ChannelReader,
  { segment, from }: Extract<Offer, { kind: 'entries' }>,
  types: ReadonlySet<string> | null,
  room: number,
): number {
  let size = 0;
  let position: Position = reader.position();
  for (let i = from; i < segment.entries.length && size < room; i++) {
    const entry = segment.entries[i];
    if (entry === undefined) break;
    position = { id: entry.id, epoch: segment.base.epoch };
    if (types !== null && !types.has(entry.type)) continue;
    if (readers.length === 1) {
      parts.push(entry.frame);
    } else {
      reader.moveTo(position);
      parts.push(encoder.encode(`id: ${cursorOf(readers)}\n`), entry.frame.subarray(entry.dataAt));
    }
    size += entry.frame.length;
  }
  reader.moveTo(position);
  return size;
}

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
