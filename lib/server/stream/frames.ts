import { toGap } from '../../core/continuity.ts';
import { formatCursor, type Position } from '../../core/cursor.ts';
import { formatEventId } from '../../core/ids.ts';
import { endFrame, gapFrame } from '../../core/sse-frames.ts';
import { type Entry, type EventFilter, isWanted, type Segment } from '../tail/ring-buffer.ts';
import type { ChannelReader, Offer } from './channel-reader.ts';

/** Most bytes of one chunk; a single frame may be larger. */
export const maxChunkBytes = 256 * 1024;

const encoder = new TextEncoder();

/** Where a connection is in all its channels. */
export function cursorOf(readers: readonly ChannelReader[]): string {
  return formatCursor(new Map(readers.map((reader) => [reader.tail.channel, reader.position()])));
}

/** What a stream has taken for one chunk. */
export class Taken {
  events = 0;
  gaps = 0;
  /** How many channels have ended. */
  ends = 0;
  /** When the log stored the oldest of the events, in Unix ms; Infinity: there is none. */
  oldestTime = Number.POSITIVE_INFINITY;

  add(events: number, oldest: Entry | undefined): void {
    if (events === 0 || oldest === undefined) return;
    this.events += events;
    if (oldest.id.time < this.oldestTime) this.oldestTime = oldest.id.time;
  }

  clear(): void {
    this.events = 0;
    this.gaps = 0;
    this.ends = 0;
    this.oldestTime = Number.POSITIVE_INFINITY;
  }
}

/**
 * Takes the frames that the readers can have now, about 256 KiB at most, and moves the readers past them.
 * @param filter which events to deliver. Others are skipped without a frame.
 * @param taken counts what is in the frames.
 * @param endsAtGap the reader holds the state of its channel, which is no longer true after a gap: the gap is the last of the
 * frames, and deletes the reader's cursor.
 */
export function takeFrames(
  readers: readonly ChannelReader[],
  filter: EventFilter | null,
  taken = new Taken(),
  endsAtGap = false,
): Uint8Array<ArrayBuffer>[] {
  const [only] = readers;
  if (only !== undefined && readers.length === 1 && filter === null) {
    return takeSharedFrames(only, taken, endsAtGap);
  }
  const frames: Uint8Array<ArrayBuffer>[] = [];
  let bytesLeft = maxChunkBytes;
  for (const reader of readers) {
    for (let offer = reader.offer(); bytesLeft > 0; offer = reader.offer()) {
      if (offer.kind === 'gap') {
        bytesLeft -= pushGap(frames, readers, reader, offer, filter !== null, endsAtGap);
        taken.gaps += 1;
        if (endsAtGap) return frames;
      } else if (offer.kind === 'entries')
        bytesLeft -= pushEntries(frames, readers, reader, offer, filter, bytesLeft, taken);
      else break;
    }
    if (reader.takeEnd()) pushEnd(frames, readers, reader, taken);
  }
  return frames;
}

/** One channel with all of its events: the bytes are the same for every stream at this cursor. */
function takeSharedFrames(
  reader: ChannelReader,
  taken: Taken,
  endsAtGap: boolean,
): Uint8Array<ArrayBuffer>[] {
  const frames: Uint8Array<ArrayBuffer>[] = [];
  let offer = reader.offer();
  while (offer.kind === 'gap') {
    pushGap(frames, [reader], reader, offer, false, endsAtGap);
    taken.gaps += 1;
    if (endsAtGap) return frames;
    offer = reader.offer();
  }
  if (offer.kind !== 'entries') {
    if (reader.takeEnd()) pushEnd(frames, [reader], reader, taken);
    return frames;
  }
  const { segment, from } = offer;
  const { bytes, count, end } = sharedChunk(segment, from, maxChunkBytes);
  reader.moveTo(end);
  taken.add(count, segment.entries[from]);
  frames.push(bytes);
  return frames;
}

/** @returns the bytes that were added. */
function pushGap(
  frames: Uint8Array<ArrayBuffer>[],
  readers: readonly ChannelReader[],
  reader: ChannelReader,
  { loss }: Extract<Offer, { kind: 'gap' }>,
  isFiltered: boolean,
  endsAtGap: boolean,
): number {
  const gap = toGap(reader.tail.channel, reader.position().id, loss, isFiltered);
  reader.moveTo(loss.resume);
  const frame = encoder.encode(gapFrame(endsAtGap ? '' : cursorOf(readers), gap));
  frames.push(frame);
  return frame.length;
}

/** Adds the frame that says that the reader's channel has ended. */
function pushEnd(
  frames: Uint8Array<ArrayBuffer>[],
  readers: readonly ChannelReader[],
  reader: ChannelReader,
  taken: Taken,
): void {
  const end = { channel: reader.tail.channel, id: formatEventId(reader.position().id) };
  frames.push(encoder.encode(endFrame(cursorOf(readers), end)));
  taken.ends += 1;
}

/**
 * Several channels, or a filter. With several channels the data of a frame is shared, and its cursor is this connection's.
 * @returns the bytes that were added.
 */
function pushEntries(
  frames: Uint8Array<ArrayBuffer>[],
  readers: readonly ChannelReader[],
  reader: ChannelReader,
  { segment, from }: Extract<Offer, { kind: 'entries' }>,
  filter: EventFilter | null,
  maxBytes: number,
  taken: Taken,
): number {
  let size = 0;
  let position: Position = reader.position();
  for (let i = from; i < segment.entries.length && size < maxBytes; i++) {
    const entry = segment.entries[i];
    if (entry === undefined) break;
    position = { id: entry.id, epoch: segment.base.epoch };
    if (filter !== null && !isWanted(filter, entry)) continue;
    if (readers.length === 1) {
      frames.push(entry.frame);
    } else {
      reader.moveTo(position);
      frames.push(encoder.encode(`id: ${cursorOf(readers)}\n`), entry.frame.subarray(entry.dataAt));
    }
    taken.add(1, entry);
    size += entry.frame.length;
  }
  reader.moveTo(position);
  return size;
}

type Chunk = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many entries it holds. */
  readonly count: number;
  /** The position after it, one object for all streams. */
  readonly end: Position;
};

/**
 * The frames from index `from` on as one chunk of at most `maxBytes`, but at least one frame. Streams at the same cursor
 * get the same chunk.
 * @param maxBytes the same in every call: it is no part of the cache's key.
 */
export function sharedChunk({ base, entries }: Segment, from: number, maxBytes: number): Chunk {
  const cache = cacheOf(entries);
  const known = cache.chunks.get(from);
  if (known !== undefined) return known;
  const frames: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  let { id } = base;
  for (let i = from; i < entries.length; i++) {
    const entry = entries[i];
    if (entry === undefined || (frames.length > 0 && size + entry.frame.length > maxBytes)) break;
    frames.push(entry.frame);
    size += entry.frame.length;
    id = entry.id;
  }
  const chunk = { bytes: join(frames, size), count: frames.length, end: { id, epoch: base.epoch } };
  if (cache.chunks.size >= maxCachedChunks) cache.chunks.clear();
  cache.chunks.set(from, chunk);
  return chunk;
}

/** `Buffer.concat` would take a part of Node's pool, and the cached chunk could then hold 64 KiB alive. */
function join(frames: readonly Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer> {
  const [only] = frames;
  if (only !== undefined && frames.length === 1) return only;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const frame of frames) {
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes;
}

/** The chunks of one array of entries, since it last grew. */
type ChunkCache = { length: number; readonly chunks: Map<number, Chunk> };

const caches = new WeakMap<readonly Entry[], ChunkCache>();

/** Chunks cached for one array. Few cursors are shared by many streams, and each chunk may be as large as `maxBytes`. */
const maxCachedChunks = 16;

function cacheOf(entries: readonly Entry[]): ChunkCache {
  let cache = caches.get(entries);
  if (cache === undefined) {
    cache = { length: entries.length, chunks: new Map() };
    caches.set(entries, cache);
  }
  if (cache.length !== entries.length) {
    cache.length = entries.length;
    cache.chunks.clear();
  }
  return cache;
}
