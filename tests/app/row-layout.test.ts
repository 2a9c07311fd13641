import { describe, expect, test } from 'vitest';
import { RowLayout } from '../../app/_feed/event-list.tsx';
import type { FeedEntry } from '../../lib/client/feed-options.ts';

const entry = (number: number): FeedEntry => ({
  kind: 'event',
  key: `e${number}`,
  event: { id: `1000-${number}`, channel: 'feed', type: 'message', time: 1_000, data: number },
});

/** Entries with these numbers, the newest first. */
const entries = (newest: number, oldest: number): readonly FeedEntry[] =>
  Array.from({ length: newest - oldest + 1 }, (_, index) => entry(newest - index));

/** A layout that has measured 50 rows of 40 px in a window of 400 px. */
function layOut(shown: readonly FeedEntry[], topPx: number): RowLayout {
  const layout = new RowLayout();
  const { from, to } = layout.rowsOf(shown, false);
  layout.measure(
    shown.slice(from, to),
    Array.from({ length: to - from }, () => 40),
  );
  layout.look(topPx, 400);
  return layout;
}

describe('the rows of a long list', () => {
  const long = entries(1_000, 1);

  test('are the first 50 until the page is hydrated', () => {
    expect(new RowLayout().rowsOf(long, false)).toMatchObject({ from: 0, to: 50, abovePx: 0, belowPx: 0 });
  });

  test('are those that are visible, and 24 beyond each end for a reader; the others are space', () => {
    expect(layOut(long, 4_000).rowsOf(long, true)).toEqual({
      from: 76,
      to: 135,
      abovePx: 76 * 40,
      belowPx: 865 * 40,
      tabStop: 102,
    });
  });

  test('are those that are visible, and 8 beyond, where the newest are shown', () => {
    expect(layOut(long, 0).rowsOf(long, false)).toEqual({
      from: 0,
      to: 19,
      abovePx: 0,
      belowPx: 981 * 40,
      tabStop: 0,
    });
  });

  test('begin with the first row where what is above the list is visible', () => {
    expect(layOut(long, -300).rowsOf(long, false)).toMatchObject({ from: 0, abovePx: 0, tabStop: 0 });
  });

  test('that have never been in the page are as high as most of the first ones', () => {
    const layout = new RowLayout();
    layout.rowsOf(long, false);
    layout.measure(long, [60, 60, 200, 60, 20]);
    layout.look(6_000, 400);
    // 400 px for the rows that were measured, and 69 others.
    expect(layout.rowsOf(long, true)).toMatchObject({ from: 74, abovePx: 400 + 69 * 60 });
  });

  test('keep the heights that were measured, until the window has another width', () => {
    const layout = layOut(long, 4_000);
    layout.measure(long, [90]);
    expect(layout.rowsOf(long, false)).toMatchObject({ from: 90, abovePx: 90 + 89 * 40 });
    layout.forget();
    layout.measure(long.slice(90), [20]);
    expect(layout.rowsOf(long, false)).toMatchObject({ from: 192, abovePx: 192 * 20 });
  });
});

describe('what a user reads', () => {
  const before = entries(1_000, 1);

  test('stays in the page when rows are added above it, and moves by their height', () => {
    const layout = layOut(before, 4_000);
    const after = entries(1_200, 1);
    expect(layout.rowsOf(after, true)).toMatchObject({ from: 276, to: 335, tabStop: 302 });
    expect(layout.moved()).toBe(200 * 40);
    expect(layout.rowsOf(after, false)).toMatchObject({ from: 92 });
  });

  test('does not move when rows are added below it, or grow there', () => {
    const layout = layOut(entries(1_000, 500), 4_000);
    layout.rowsOf(before, true);
    layout.measure(before.slice(110), [400]);
    expect(layout.moved()).toBe(0);
  });

  test('moves with a row above it that is higher than it was taken to be', () => {
    const layout = layOut(before, 4_000);
    layout.measure(before.slice(90), [55]);
    expect(layout.moved()).toBe(15);
    layout.look(4_015, 400);
    expect(layout.moved()).toBe(0);
  });

  test('moves nothing when it has left the list', () => {
    const layout = layOut(before, 4_000);
    layout.rowsOf(entries(2_000, 1_100), true);
    expect(layout.moved()).toBe(0);
  });
});

test('the heights of rows that have left the list are forgotten', () => {
  const layout = layOut(entries(10, 1), 0);
  layout.measure(entries(10, 1), [90]);
  for (let newest = 20; newest <= 100; newest += 10) {
    const shown = entries(newest, newest - 9);
    layout.rowsOf(shown, false);
    layout.measure(
      shown,
      shown.map(() => 50),
    );
    layout.look(0, 400);
  }
  layout.rowsOf(entries(10, 1), false);
  layout.look(1e6, 400);
  expect(layout.rowsOf([...entries(10, 1), ...entries(-1, -100)], false).abovePx % 40).toBe(0);
});
