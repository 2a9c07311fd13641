import { describe, expect, test } from 'vitest';
import { createRing } from '../../../lib/server/tail/ring-buffer.ts';
import { range } from '../../support/log/log-steps.ts';
import { seeded, seeds } from '../../support/seeded.ts';
import { makeEntries, makeEntry, positionAt } from '../../support/server/entries.ts';
import { seqsIn } from '../../support/server/stand.ts';

const wide = { maxEntries: 100, maxBytes: 1_000_000 };

describe('a ring', () => {
  test('that is empty ends where it begins', () => {
    const ring = createRing(positionAt(7), wide);

    expect(ring.end()).toEqual(positionAt(7));
    expect(ring.bytes()).toBe(0);
  });

  test('beyond its count keeps the newest entries, at least seven eighths of its limit', () => {
    const ring = createRing(positionAt(0), wide);

    ring.append(makeEntries(1, 101));

    expect(seqsIn(ring)).toEqual(seqsIn({ base: ring.base, entries: makeEntries(14, 101) }));
    expect(ring.base).toEqual(positionAt(13));
  });

  test('beyond its bytes keeps the newest entries that fit', () => {
    const ring = createRing(positionAt(0), { maxEntries: 100, maxBytes: 10_000 });

    for (const entry of makeEntries(1, 40, 900)) ring.append([entry]);

    expect(ring.bytes()).toBeLessThanOrEqual(10_000);
    expect(ring.entries.length).toBeGreaterThan(6);
    expect(ring.end()).toEqual(positionAt(40));
  });

  test('keeps one entry, however large', () => {
    const ring = createRing(positionAt(0), { maxEntries: 100, maxBytes: 1_000 });

    ring.append([makeEntry(1), makeEntry(2, 5_000)]);

    expect(seqsIn(ring)).toEqual([2]);
    expect(ring.base).toEqual(positionAt(1));
  });

  test('holds no more memory alive than the bytes that it counts', () => {
    const ring = createRing(positionAt(0), wide);
    for (const number of range(1, 50)) {
      ring.append([makeEntry(number, 300)]);
      // Everything else in a process takes from Node's pool in between.
      Buffer.from('x'.repeat(20_000));
    }

    const buffers = new Set(ring.entries.map(({ frame }) => frame.buffer));
    const held = [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(held).toBe(ring.bytes());
  });

  test('that is reset continues after its new base, in its epoch', () => {
    const ring = createRing(positionAt(0), wide);
    ring.append(makeEntries(1, 5));

    ring.reset({ id: { time: 9, seq: 3 }, epoch: 'zzzzzz' });

    expect(ring.end()).toEqual({ id: { time: 9, seq: 3 }, epoch: 'zzzzzz' });
    expect([ring.entries.length, ring.bytes()]).toEqual([0, 0]);
  });

  test.each(seeds(10))('holds the same as a model, whatever happens to it (seed %i)', (seed) => {
    const random = seeded(seed);
    const bounds = { maxEntries: 20, maxBytes: 8_000 };
    const ring = createRing(positionAt(0), bounds);
    let first = 1;
    let last = 0;
    for (let turn = 0; turn < 300; turn++) {
      if (random.next() < 0.02) {
        ring.reset(positionAt(last));
        first = last + 1;
      }
      const added = Array.from({ length: random.whole(0, 8) }, () =>
        makeEntry(++last, random.whole(1, 1_500)),
      );
      ring.append(added);

      const kept = ring.entries;
      const bytes = kept.reduce((sum, { frame }) => sum + frame.length, 0);
      const start = last - kept.length + 1;
      expect(seqsIn(ring)).toEqual(kept.map((_, index) => start + index));
      expect(ring.base).toEqual(positionAt(start - 1));
      expect(start).toBeGreaterThanOrEqual(first);
      expect(ring.bytes()).toBe(bytes);
      expect(kept.length <= 1 || (kept.length <= bounds.maxEntries && bytes <= bounds.maxBytes)).toBe(true);
    }
  });
});
