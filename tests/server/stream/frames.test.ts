import { describe, expect, test } from 'vitest';
import { beforeFirst } from '../../../lib/core/ids.ts';
import { ChannelReader } from '../../../lib/server/stream/channel-reader.ts';
import { cursorOf, maxChunkBytes, sharedChunk, takeFrames } from '../../../lib/server/stream/frames.ts';
import { type Entry, filterFor } from '../../../lib/server/tail/ring-buffer.ts';
import { newEvent, range } from '../../support/log/log-steps.ts';
import { makeEntries, makeEntry } from '../../support/server/entries.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

const noWake = () => {};

/** A reader of each channel from its oldest event on. */
async function readersOf(stand: Stand, channels: readonly string[]) {
  const readers = [];
  for (const channel of channels) {
    const tail = await stand.tail(channel);
    const { epoch } = tail.end();
    readers.push(new ChannelReader(tail, { id: { time: 0, seq: 0 }, epoch }, stand.clock, noWake));
  }
  return readers;
}

const textOf = (frames: readonly Uint8Array[]) => Buffer.concat(frames).toString();
const idsIn = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);

describe('the frames of one channel', () => {
  test('are everything after the cursor, which moves past them', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const readers = await readersOf(stand, ['feed']);

    const text = textOf(takeFrames(readers, null));

    expect(idsIn(text)).toHaveLength(3);
    expect(idsIn(text).at(-1)).toBe(stand.cursorAtEnd());
    expect(cursorOf(readers)).toBe(stand.cursorAtEnd());
    expect(takeFrames(readers, null)).toEqual([]);
  });

  test('are the same bytes for all readers at one cursor', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const tail = await stand.tail();
    const start = { id: { time: 0, seq: 0 }, epoch: tail.end().epoch };
    const chunks = range(1, 3).map(() =>
      takeFrames([new ChannelReader(tail, start, stand.clock, noWake)], null),
    );

    expect(chunks[0]?.[0]).toBe(chunks[1]?.[0]);
    expect(chunks[0]?.[0]).toBe(chunks[2]?.[0]);
  });

  test('are 256 KiB at most, and continue where they stopped', async () => {
    const stand = makeStand();
    const events = range(1, 20).map(() => newEvent('feed', 'x'.repeat(60_000)));
    await stand.memory.append({ events, key: null });
    const readers = await readersOf(stand, ['feed']);

    const chunks = range(1, 5).map(() => textOf(takeFrames(readers, null)));

    for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(maxChunkBytes);
    expect(chunks.flatMap(idsIn).map((id) => Number(/-(\d+)~/.exec(id ?? '')?.[1]))).toEqual(range(1, 20));
  });

  test('that pass the filter keep their own ids; others are skipped', async () => {
    const stand = makeStand();
    const events = ['a', 'b', 'a', 'b'].map((type) => newEvent('feed', type, type));
    await stand.memory.append({ events, key: null });
    const readers = await readersOf(stand, ['feed']);

    const text = textOf(takeFrames(readers, filterFor(['a'], [])));

    expect(idsIn(text).map((id) => /-(\d+)~/.exec(id ?? '')?.[1])).toEqual(['1', '3']);
    expect(cursorOf(readers)).toBe(stand.cursorAtEnd());
  });

  test('start with the gap, if events are gone', async () => {
    const stand = makeStand();
    await stand.publish(600);
    stand.memory.trim('feed', 550);
    const readers = await readersOf(stand, ['feed']);
    expect(takeFrames(readers, null)).toEqual([]);
    await stand.clock.advance(0);

    const text = textOf(takeFrames(readers, null));
    await stand.clock.advance(0);
    const rest = textOf(takeFrames(readers, null));

    expect(text).toContain('event: gap');
    expect(text).toContain('"reason":"trimmed","missed":50,"exact":true,"after":"0-0"');
    expect(idsIn(rest)[0]).toContain('-51~');
  });
});

describe('the frames of several channels', () => {
  test('carry the position in all channels with each event', async () => {
    const stand = makeStand();
    await stand.publish(2, 'one');
    await stand.publish(1, 'two');
    const readers = await readersOf(stand, ['one', 'two']);

    const text = textOf(takeFrames(readers, null));

    const positions = idsIn(text).map((id) =>
      [...(id ?? '').matchAll(/(\w+)@\d+-(\d+)/g)].map(([, c, seq]) => `${c} ${seq}`),
    );
    expect(positions).toEqual([
      ['one 1', 'two 0'],
      ['one 2', 'two 0'],
      ['one 2', 'two 1'],
    ]);
  });

  test('are about 256 KiB at most together', async () => {
    const stand = makeStand();
    for (const channel of ['one', 'two']) {
      const events = range(1, 20).map(() => newEvent(channel, 'x'.repeat(60_000)));
      await stand.memory.append({ events, key: null });
    }
    const readers = await readersOf(stand, ['one', 'two']);

    const size = textOf(takeFrames(readers, null)).length;

    expect(size).toBeGreaterThan(maxChunkBytes / 2);
    expect(size).toBeLessThan(maxChunkBytes + 64 * 1024);
  });
});

const maxBytes = 10_000;

const segmentOf = (entries: readonly Entry[]) => ({ base: { id: beforeFirst, epoch: 'abcdef' }, entries });

describe('a shared chunk', () => {
  test('keeps no other memory alive while it is cached', () => {
    const { bytes } = sharedChunk(segmentOf(makeEntries(1, 5)), 2, maxChunkBytes);

    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test('has the frames from the index on, in order, byte for byte', () => {
    const entries = makeEntries(1, 5);

    const { bytes, count, end } = sharedChunk(segmentOf(entries), 2, maxBytes);

    expect(count).toBe(3);
    expect(end).toEqual({ id: entries[4]?.id, epoch: 'abcdef' });
    expect(Buffer.from(bytes)).toEqual(Buffer.concat(entries.slice(2).map(({ frame }) => frame)));
  });

  test('is the same object for all streams at the same cursor', () => {
    const entries = makeEntries(1, 5);

    expect(sharedChunk(segmentOf(entries), 2, maxBytes).bytes).toBe(
      sharedChunk(segmentOf(entries), 2, maxBytes).bytes,
    );
    expect(sharedChunk(segmentOf(entries), 4, maxBytes).bytes).toBe(entries[4]?.frame);
  });

  test('ends before the frame that would make it too large', () => {
    const entries = makeEntries(1, 10, 3_000);

    const { bytes, count } = sharedChunk(segmentOf(entries), 0, maxBytes);

    expect(count).toBe(3);
    expect(bytes.length).toBeLessThanOrEqual(maxBytes);
  });

  test('has at least one frame, however large it is', () => {
    const entries = [makeEntry(1, 50_000), makeEntry(2)];

    expect(sharedChunk(segmentOf(entries), 0, maxBytes).count).toBe(1);
  });

  test('has the frames that were added since it was first made', () => {
    const entries = makeEntries(1, 3);
    sharedChunk(segmentOf(entries), 0, maxBytes);

    entries.push(makeEntry(4));

    expect(sharedChunk(segmentOf(entries), 0, maxBytes).count).toBe(4);
  });

  test('is not cached for every cursor that there ever was', () => {
    const entries = makeEntries(1, 200);
    const { bytes } = sharedChunk(segmentOf(entries), 0, maxBytes);

    for (let from = 1; from < 100; from++) sharedChunk(segmentOf(entries), from, maxBytes);

    expect(sharedChunk(segmentOf(entries), 0, maxBytes).bytes).not.toBe(bytes);
    expect(sharedChunk(segmentOf(entries), 0, maxBytes).bytes).toEqual(bytes);
  });
});
