import { describe, expect, test } from 'vitest';
import { joinFrames } from '../../../lib/server/stream/frames.ts';
import { makeEntries, makeEntry } from '../../support/server/entries.ts';

const maxBytes = 10_000;

describe('frames that are joined', () => {
  test('are those from the index on, in order, byte for byte', () => {
    const entries = makeEntries(1, 5);

    const { bytes, count } = joinFrames(entries, 2, maxBytes);

    expect(count).toBe(3);
    expect(Buffer.from(bytes)).toEqual(Buffer.concat(entries.slice(2).map(({ frame }) => frame)));
  });

  test('are the same bytes object for all who are at the same cursor', () => {
    const entries = makeEntries(1, 5);

    expect(joinFrames(entries, 2, maxBytes).bytes).toBe(joinFrames(entries, 2, maxBytes).bytes);
    expect(joinFrames(entries, 4, maxBytes).bytes).toBe(entries[4]?.frame);
  });

  test('end ahead of what would be too many bytes', () => {
    const entries = makeEntries(1, 10, 3_000);

    const { bytes, count } = joinFrames(entries, 0, maxBytes);

    expect(count).toBe(3);
    expect(bytes.length).toBeLessThanOrEqual(maxBytes);
  });

  test('are one at least, however large', () => {
    const entries = [makeEntry(1, 50_000), makeEntry(2)];

    expect(joinFrames(entries, 0, maxBytes).count).toBe(1);
  });

  test('hold what was added since they were joined first', () => {
    const entries = makeEntries(1, 3);
    joinFrames(entries, 0, maxBytes);

    entries.push(makeEntry(4));

    expect(joinFrames(entries, 0, maxBytes).count).toBe(4);
  });

  test('are forgotten rather than kept for every cursor there ever was', () => {
    const entries = makeEntries(1, 200);
    const { bytes } = joinFrames(entries, 0, maxBytes);

    for (let from = 1; from < 100; from++) joinFrames(entries, from, maxBytes);

    expect(joinFrames(entries, 0, maxBytes).bytes).not.toBe(bytes);
    expect(joinFrames(entries, 0, maxBytes).bytes).toEqual(bytes);
  });
});
