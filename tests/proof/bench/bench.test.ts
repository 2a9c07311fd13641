import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fillIn } from '../../support/doc-table.ts';
import { root } from '../../support/root.ts';
import { readBenchOptions } from './bench-options.ts';
import type { Measured } from './cases/case.ts';
import { documentedCases } from './cases/cases.ts';
import { median, ratio, shuffled } from './figures.ts';
import type { About } from './kept-runs.ts';
import { type Run, readRuns, withRun } from './kept-runs.ts';
import { docTables, type Line, linesOf, type Outcome, tableOf } from './report.ts';
import { summaryRows } from './summary.ts';

const rounds = (figure: string, values: readonly number[]): Measured[] =>
  values.map((value) => ({ figures: { [figure]: value }, clientLoad: 0.5 }));

describe('the figures of a benchmark', () => {
  test('are medians, so one bad round does not change them', () => {
    expect(median([5, 1, 900])).toBe(5);
    expect(median([1, 2, 4, 900])).toBe(3);
  });

  test('are compared round by round, because the machine affects both in a round', () => {
    expect(ratio([10, 100, 30], [20, 200, 60])).toBe(0.5);
  });

  test('come from a new order in each round', () => {
    const dice = [0.9, 0, 0];
    expect(shuffled(['a', 'b', 'c'], () => dice.shift() ?? 0)).toEqual(['c', 'a', 'b']);
  });

  test('need at least one value', () => {
    expect(() => median([])).toThrow('no value');
  });
});

describe('the report of a benchmark', () => {
  const speed = { name: 'speed', unit: '/s', goals: [{ to: ['bareNode'], atLeast: 0.6 }] } as const;
  const outcome = (ours: readonly number[], bare: readonly number[]): Outcome => ({
    of: { name: 'run', what: '500 readers', figures: [speed] },
    rounds: { steadfeed: rounds('speed', ours), bareNode: rounds('speed', bare) },
  });

  test('shows that a goal is met', () => {
    const [ours, bare] = linesOf([outcome([60, 70, 80], [100, 100, 100])]);
    expect(ours).toMatchObject({ median: 70, least: 60, most: 80 });
    expect(ours?.verdicts).toMatchObject([{ ratio: 0.7, isMet: true }]);
    expect(bare).toMatchObject({ median: 100, verdicts: [] });
  });

  test('shows in bold that a goal is missed', () => {
    const table = tableOf(linesOf([outcome([50, 59, 90], [100, 100, 100])]));
    expect(table).toContain('| 0.59 | ≥ 0.6 × bare `node:http`: **missed** |');
  });

  test('compares the median with an absolute goal', () => {
    const size = { name: 'size', unit: 'KB', goals: [{ atMost: 55 }] };
    const [line] = linesOf([
      { of: { name: 'run', what: '', figures: [size] }, rounds: { steadfeed: rounds('size', [50, 60, 70]) } },
    ]);
    expect(line?.verdicts).toEqual([{ ratio: null, goal: '≤ 55 KB', isMet: false }]);
  });

  test('compares a figure with a sum of other figures, and with a second goal', () => {
    const goals = [{ to: [{ own: 'way' }, 'bareNode'], atMost: 1.5 }, { atMost: 25 }] as const;
    const ours = [20, 24, 28].map((took) => ({ figures: { took, way: took / 2 }, clientLoad: 0 }));
    const [line] = linesOf([
      {
        of: { name: 'run', what: '', figures: [{ name: 'took', unit: 'ms', goals }] },
        rounds: { steadfeedRedis: ours, bareNode: rounds('took', [2, 3, 0]) },
      },
    ]);
    expect(line?.verdicts).toEqual([
      { ratio: 20 / 12, goal: '≤ 1.5 × (way + bare `node:http`)', isMet: false },
      { ratio: null, goal: '≤ 25 ms', isMet: true },
    ]);
  });

  test('shows a figure only for contestants that have it', () => {
    const lines = linesOf([
      {
        of: { name: 'run', what: '', figures: [{ name: 'way', unit: 'ms', goals: [] }] },
        rounds: { steadfeedRedis: rounds('way', [8]), bareNode: rounds('took', [2]) },
      },
    ]);
    expect(lines.map((line) => line.contestant)).toEqual(['steadfeedRedis']);
  });

  test('counts a goal as missed if the figure is not a number', () => {
    const [ours] = linesOf([outcome([Number.NaN], [100])]);
    expect(ours?.verdicts[0]?.isMet).toBe(false);
  });
});

describe('saved figures', () => {
  const about: About = {
    ...{ date: '2026-01-01', cpu: 'A CPU', cores: 2, kernel: 'Linux 1' },
    ...{ node: '24', next: '16', rounds: 5, seed: 1 },
  };
  const runOf = (seed: number, ...names: readonly string[]): Run => ({
    about: { ...about, seed },
    lines: names.map((name) => ({ case: name }) as Line),
  });

  test('are replaced by a new run of the same case; other cases stay', () => {
    const runs = withRun([runOf(1, 'fanout', 'poll'), runOf(2, 'burst')], runOf(3, 'burst', 'poll'));
    const kept = runs.map((run) => [run.about.seed, run.lines.map((line) => line.case)]);
    expect(kept).toEqual([
      [1, ['fanout']],
      [3, ['burst', 'poll']],
    ]);
  });

  test('are written between their markers, and the text around them stays', () => {
    const doc = 'before\n<!-- a -->\nold | $&\n<!-- /a -->\nafter\n';
    expect(fillIn(doc, [{ name: 'a', text: 'new $&' }])).toBe(
      'before\n<!-- a -->\nnew $&\n<!-- /a -->\nafter\n',
    );
    expect(() => fillIn(doc, [{ name: 'b', text: '' }])).toThrow('no place for the table "b"');
  });
});

describe('docs/performance.md', () => {
  const doc = readFileSync(join(root, 'docs/performance.md'), 'utf8');
  const tables = docTables(readRuns(join(root, 'tests/proof/runs/performance.json')), documentedCases);

  test.each(tables)('has the table "$name" as the figures give it', ({ name, text }) => {
    const written = new RegExp(`<!-- ${name} -->\n([\\s\\S]*?)\n<!-- /${name} -->`).exec(doc)?.[1];
    expect(written, 'write it with: npm run proof:bench -- --doc').toBe(text);
  });

  test('begins with a figure for each row of its first table', () => {
    const summary = tables.find(({ name }) => name === 'summary');
    expect(summary?.text.split('\n').slice(2)).toHaveLength(summaryRows.length);
    expect(doc.indexOf('<!-- summary -->')).toBeLessThan(doc.indexOf('\n## '));
  });

  test('has one table of figures for each case', () => {
    const marked = [...doc.matchAll(/<!-- ([\w-]+) -->/g)].map(([, name]) => name);
    expect(marked.toSorted()).toEqual(tables.map(({ name }) => name).toSorted());
    expect(marked.toSorted()).toEqual(['summary', 'missed', 'machine', ...documentedCases].toSorted());
  });
});

describe('the command line of the benchmark', () => {
  test('takes one case, the rounds and the seed of an earlier run', () => {
    const options = readBenchOptions(['--only', 'fanout', '--rounds', '3', '--seed', '7']);
    expect(options).toMatchObject({ cases: [{ name: 'fanout' }], rounds: 3, seed: 7, size: 'full' });
  });

  test.each([['--rounds', '0'], ['--seed', 'x'], ['--only', 'fan-out'], ['--no-such']])(
    'refuses %s %s',
    (...args) => {
      expect(() => readBenchOptions(args.filter((arg) => arg !== undefined))).toThrow(args[0]);
    },
  );
});
