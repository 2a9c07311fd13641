import { describe, expect, test } from 'vitest';
import type { Measured } from '../../scripts/bench/case.ts';
import { median, ratio, shuffled } from '../../scripts/bench/figures.ts';
import { linesOf, type Outcome, tableOf } from '../../scripts/bench/report.ts';

const rounds = (figure: string, values: readonly number[]): Measured[] =>
  values.map((value) => ({ figures: { [figure]: value }, clientLoad: 0.5 }));

describe('the figures of a bench', () => {
  test('are medians, which one bad round does not move', () => {
    expect(median([5, 1, 900])).toBe(5);
    expect(median([1, 2, 4, 900])).toBe(3);
  });

  test('are compared round by round: what the machine did in a round, it did to both', () => {
    expect(ratio([10, 100, 30], [20, 200, 60])).toBe(0.5);
  });

  test('come from an order that is another in each round', () => {
    const dice = [0.9, 0, 0];
    expect(shuffled(['a', 'b', 'c'], () => dice.shift() ?? 0)).toEqual(['c', 'a', 'b']);
  });

  test('cannot be none', () => {
    expect(() => median([])).toThrow('no value');
  });
});

describe('the report of a bench', () => {
  const goal = { figure: 'speed', unit: '/s', to: 'bareNode', atLeast: 0.6 } as const;
  const outcome = (ours: readonly number[], bare: readonly number[]): Outcome => ({
    of: { name: 'run', what: '500 readers', goals: [goal] },
    rounds: { steadfeed: rounds('speed', ours), bareNode: rounds('speed', bare) },
  });

  test('says that a goal is met', () => {
    const [ours, bare] = linesOf([outcome([60, 70, 80], [100, 100, 100])]);
    expect(ours).toMatchObject({ median: 70, least: 60, most: 80, ratio: 0.7, isMet: true });
    expect(bare).toMatchObject({ median: 100, ratio: null, isMet: null });
  });

  test('says as plainly that one is not', () => {
    const table = tableOf(linesOf([outcome([50, 59, 90], [100, 100, 100])]));
    expect(table).toContain('| 0.59 | ≥ 0.6 × bare `node:http`: **no** |');
  });

  test('holds an absolute goal against the median itself', () => {
    const absolute = { figure: 'speed', unit: 'KB', to: null, atMost: 55 } as const;
    const [line] = linesOf([
      {
        of: { name: 'run', what: '', goals: [absolute] },
        rounds: { steadfeed: rounds('speed', [50, 60, 70]) },
      },
    ]);
    expect(line).toMatchObject({ ratio: null, goal: '≤ 55 KB', isMet: false });
  });

  test('calls a goal missed where a figure is none', () => {
    const [ours] = linesOf([outcome([Number.NaN], [100])]);
    expect(ours?.isMet).toBe(false);
  });
});
