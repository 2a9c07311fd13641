import { describe, expect, test } from 'vitest';
import { growthFigures, growthValues } from './cases/growth.ts';
import { overnightCase } from './cases/overnight.ts';
import type { About } from './kept-runs.ts';
import { docTables, linesOf } from './report.ts';

const scale = { sizes: [100, 1_000, 5_000, 10_000], noun: 'readers' };
const cost = {
  ...{ what: 'CPU time', unit: 'ms', isJudged: true },
  more: { unit: 'µs', times: 1_000 },
};

const linesFor = (values: readonly number[]) =>
  linesOf([
    {
      of: { name: 'grown', what: 'readers', figures: growthFigures(scale, cost) },
      rounds: { steadfeedTcp: [{ figures: growthValues(scale, cost, values), clientLoad: 0 }] },
    },
  ]);

const about: About = {
  ...{ date: '2026-01-01', cpu: 'A CPU', cores: 2, kernel: 'Linux 1' },
  ...{ node: '24', next: '16', rounds: 1, seed: 1 },
};

describe('the growth of a cost', () => {
  test('is judged by what one more costs at the top, compared with the bottom, whatever comes before the first', () => {
    const top = linesFor([3, 12, 52, 102]).at(-1);
    expect(top?.median).toBeCloseTo(10);
    expect(top?.verdicts).toMatchObject([{ goal: '≤ 1.2 × at the bottom', isMet: true }]);
    expect(top?.verdicts[0]?.ratio).toBeCloseTo(1);
  });

  test('misses its goal if one more costs 1.3 times as much at the top', () => {
    expect(linesFor([3, 12, 52, 117]).at(-1)?.verdicts).toMatchObject([{ isMet: false }]);
  });

  test('is written as one row, with its goal at the end', () => {
    const [, , , table] = docTables([{ about, lines: linesFor([3, 12, 52, 117]) }]);
    expect(table?.text.split('\n').slice(2)).toEqual([
      '|  | 100 readers | 1,000 readers | 5,000 readers | 10,000 readers | one more, from 100 to 1,000 | one more, from 5,000 to 10,000 | ratio | goal |',
      '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
      '| CPU time | 3 ms | 12 ms | 52 ms | 117 ms | 10 µs | 13 µs | 1.30 | ≤ 1.2 × at the bottom: **missed** |',
    ]);
  });
});

test('a case that was not measured yet has a place in the document that says so', () => {
  const tables = docTables([{ about, lines: linesFor([3, 12, 52, 117]) }], ['grown', 'later']);
  expect(tables.at(-1)).toEqual({ name: 'later', text: 'Not measured yet.' });
});

describe('a night', () => {
  const verdictsFor = (atLast: number) =>
    linesOf([
      {
        of: overnightCase(20),
        rounds: {
          steadfeedTcp: [
            {
              figures: { 'open descriptors, first minute': 300, 'open descriptors, last minute': atLast },
              clientLoad: 0,
            },
          ],
        },
      },
    ]).flatMap(({ verdicts }) => verdicts.map(({ isMet }) => isMet));

  test('passes if nothing has grown by more than 5 %, and fails if something has', () => {
    expect(verdictsFor(315)).toEqual([true]);
    expect(verdictsFor(316)).toEqual([false]);
  });
});
