import { describe, expect, test } from 'vitest';
import type { Position } from '../../../lib/core/cursor.ts';
import { createPageCache, type Loaded } from '../../../lib/server/tail/read-through.ts';
import { range } from '../../support/log/log-steps.ts';
import { makeEntries, positionAt } from '../../support/server/entries.ts';
import { seqsIn } from '../../support/server/stand.ts';

/** A cache over a log of `last` events with data of `size` letters; it writes down what was read. */
function makeCache(last = 10_000, size = 1) {
  const reads: { readonly after: number; readonly limit: number }[] = [];
  const cache = createPageCache(async (position: Position, limit: number): Promise<Loaded> => {
    const { seq } = position.id;
    reads.push({ after: seq, limit });
    const entries = makeEntries(seq + 1, Math.min(last, seq + limit), size);
    return {
      kind: 'segment',
      segment: { base: position, entries },
      more: seq + limit < last,
      hasEnded: false,
    };
  });
  return { cache, reads };
}

describe('pages', () => {
  test('are read once for all who ask at the same time', async () => {
    const { cache, reads } = makeCache();

    const loaded = await Promise.all(range(1, 100).map(() => cache.load(positionAt(5))));

    expect(new Set(loaded).size).toBe(1);
    expect(reads).toEqual([{ after: 5, limit: 200 }]);
  });

  test('are found by later readers, from any position in them but the end', async () => {
    const { cache } = makeCache();
    await cache.load(positionAt(5));

    expect(seqsIn(cache.find(positionAt(5)) ?? { base: positionAt(0), entries: [] })).toEqual(range(6, 205));
    expect(cache.find(positionAt(204))).not.toBeNull();
    expect(cache.find(positionAt(205))).toBeNull();
    expect(cache.find(positionAt(4))).toBeNull();
  });

  test('are at most eight; the oldest one goes', async () => {
    const { cache } = makeCache();

    for (const page of range(0, 8)) await cache.load(positionAt(page * 500));

    expect(cache.find(positionAt(0))).toBeNull();
    for (const page of range(1, 8)) expect(cache.find(positionAt(page * 500))).not.toBeNull();
  });

  test('hold at most 4 MiB', async () => {
    const { cache } = makeCache(10_000, 30_000);
    await cache.load(positionAt(0));

    for (const page of range(1, 8)) await cache.load(positionAt(page * 100));

    const held = range(0, 8).filter((page) => cache.find(positionAt(page * 100)) !== null);
    expect(held).toEqual(range(1, 8));
  });

  test('hold fewer events if these are large: about half a megabyte', async () => {
    const { cache, reads } = makeCache(10_000, 30_000);

    await cache.load(positionAt(0));
    await cache.load(positionAt(200));

    expect(reads.map(({ limit }) => limit)).toEqual([200, 17]);
  });

  test('are dropped on demand', async () => {
    const { cache } = makeCache();
    await cache.load(positionAt(5));

    cache.clear();

    expect(cache.find(positionAt(5))).toBeNull();
  });

  test('that could not be read are read again for the next reader', async () => {
    let isDown = true;
    const cache = createPageCache(async (base) => {
      if (isDown) throw new Error('down');
      return { kind: 'segment', segment: { base, entries: makeEntries(1, 2) }, more: false, hasEnded: false };
    });
    await expect(cache.load(positionAt(0))).rejects.toThrow('down');

    isDown = false;

    expect(await cache.load(positionAt(0))).toMatchObject({ kind: 'segment' });
  });

  test('without an event are not kept in memory', async () => {
    const { cache } = makeCache(5);

    await cache.load(positionAt(5));

    expect(cache.find(positionAt(5))).toBeNull();
  });
});
