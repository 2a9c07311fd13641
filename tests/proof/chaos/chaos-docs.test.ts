import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../support/root.ts';
import { withTable } from './doc-tables.ts';
import { faults } from './faults/faults.ts';
import type { Figures } from './figures.ts';

const doc = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8')) as Figures;

const ownRuns = ['tests/proof/runs/chaos.json', 'tests/proof/runs/chaos-one.json'];
const comparedRuns = ['tests/proof/runs/chaos-peer.json', 'tests/proof/runs/chaos-peer-one.json'];

describe.each([...ownRuns, ...comparedRuns])('the run in %s', (file) => {
  test('has its table in docs/reliability.md', () => {
    expect(withTable(doc, read(file)), `write it with: npm run proof:chaos -- --table ${file}`).toBe(doc);
  });

  test('had each of its faults and broke no promise', () => {
    const figures = read(file);
    expect(figures.faults.filter(({ struck }) => struck === 0)).toEqual([]);
    expect(figures.violations).toBe(0);
  });
});

test.each([...ownRuns, 'tests/proof/runs/chaos-peer.json'])('the run in %s had every fault', (file) => {
  expect(read(file).faults.map(({ fault }) => fault)).toEqual(faults.map(({ name }) => name));
});

test.each(comparedRuns)(
  'in %s both sides had acknowledged events and readers that reached the end',
  (file) => {
    for (const side of Object.values(read(file).comparison ?? {})) {
      expect(side.acknowledged).toBeGreaterThan(0);
      expect(side.atEnd).toBeGreaterThan(0);
    }
    expect(read(file).comparison).toBeDefined();
  },
);

test('a document without a place for the table is refused', () => {
  expect(() => withTable('# Reliability', read('tests/proof/runs/chaos.json'))).toThrow(
    /no place for the table/,
  );
});
