import { describe, expect, test } from 'vitest';
import { createChannelReader } from '../../../lib/server/stream/channel-reader.ts';
import { collectFrames, cursorOf, maxChunkBytes } from '../../../lib/server/stream/frames.ts';
import { newEvent, range } from '../../support/log/log-steps.ts';
import { makeStand, type Stand } from '../../support/server/stand.ts';

const noWake = () => {};

/** A reader of each channel from its oldest event on. */
async function readersOf(stand: Stand, channels: readonly string[]) {
  const readers = [];
  for (const channel of channels) {
    const tail = await stand.tail(channel);
    const { epoch } = tail.end();
    readers.push(createChannelReader(tail, { id: { time: 0, seq: 0 }, epoch }, stand.clock, noWake));
  }
  return readers;
}

const textOf = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString();
const idsIn = (text: string) => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);

describe('frames of one channel', () => {
  test('are all that follows the cursor, which moves past it', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const readers = await readersOf(stand, ['feed']);

    const text = textOf(collectFrames(readers, null));

    expect(idsIn(text)).toHaveLength(3);
    expect(idsIn(text).at(-1)).toBe(stand.cursorAtEnd());
    expect(cursorOf(readers)).toBe(stand.cursorAtEnd());
    expect(collectFrames(readers, null)).toEqual([]);
  });

  test('are the same bytes for all readers at one cursor', async () => {
    const stand = makeStand();
    await stand.publish(3);
    const tail = await stand.tail();
    const start = { id: { time: 0, seq: 0 }, epoch: tail.end().epoch };
    const chunks = range(1, 3).map(() =>
      collectFrames([createChannelReader(tail, start, stand.clock, noWake)], null),
    );

    expect(chunks[0]?.[0]).toBe(chunks[1]?.[0]);
    expect(chunks[0]?.[0]).toBe(chunks[2]?.[0]);
  });

  test('are 256 KiB at most, and go on where they stopped', async () => {
    const stand = makeStand();
    const events = range(1, 20).map(() => newEvent('feed', 'x'.repeat(60_000)));
    await stand.memory.append({ events, key: null });
    const readers = await readersOf(stand, ['feed']);

    const chunks = range(1, 5).map(() => textOf(collectFrames(readers, null)));

    for (const chunk of chunks) expect(chunk.length).toBeLessThanOrEqual(maxChunkBytes);
    expect(chunks.flatMap(idsIn).map((id) => Number(/-(\d+)~/.exec(id ?? '')?.[1]))).toEqual(range(1, 20));
  });

  test('that pass the filter come with their own ids; others are passed over', async () => {
    const stand = makeStand();
    const events = ['a', 'b', 'a', 'b'].map((type) => newEvent('feed', type, type));
    await stand.memory.append({ events, key: null });
    const readers = await readersOf(stand, ['feed']);

    const text = textOf(collectFrames(readers, new Set(['a'])));

    expect(idsIn(text).map((id) => /-(\d+)~/.exec(id ?? '')?.[1])).toEqual(['1', '3']);
    expect(cursorOf(readers)).toBe(stand.cursorAtEnd());
  });

  test('begin with the gap that the reader has to know of', async () => {
    const stand = makeStand();
    await stand.publish(600);
    stand.memory.trim('feed', 550);
    const readers = await readersOf(stand, ['feed']);
    expect(collectFrames(readers, null)).toEqual([]);
    await stand.clock.advance(0);

    const text = textOf(collectFrames(readers, null));
    await stand.clock.advance(0);
    const rest = textOf(collectFrames(readers, null));

    expect(text).toContain('event: gap');
    expect(text).toContain('"reason":"trimmed","missed":50,"exact":true,"after":"0-0"');
    expect(idsIn(rest)[0]).toContain('-51~');
  });
});

describe('frames of several channels', () => {
  test('tell with each event the position in all of them', async () => {
    const stand = makeStand();
    await stand.publish(2, 'one');
    await stand.publish(1, 'two');
    const readers = await readersOf(stand, ['one', 'two']);

    const text = textOf(collectFrames(readers, null));

    const places = idsIn(text).map((id) =>
      [...(id ?? '').matchAll(/(\w+)@\d+-(\d+)/g)].map(([, c, seq]) => `${c} ${seq}`),
    );
    expect(places).toEqual([
      ['one 1', 'two 0'],
      ['one 2', 'two 0'],
      ['one 2', 'two 1'],
    ]);
  });

  test('together are about 256 KiB at most', async () => {
    const stand = makeStand();
    for (const channel of ['one', 'two']) {
      const events = range(1, 20).map(() => newEvent(channel, 'x'.repeat(60_000)));
      await stand.memory.append({ events, key: null });
    }
    const readers = await readersOf(stand, ['one', 'two']);

    const size = textOf(collectFrames(readers, null)).length;

    expect(size).toBeGreaterThan(maxChunkBytes / 2);
    expect(size).toBeLessThan(maxChunkBytes + 64 * 1024);
  });
});
