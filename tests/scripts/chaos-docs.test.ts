import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { faults } from '../../scripts/chaos/faults.ts';
import type { Figures } from '../../scripts/chaos/figures.ts';
import { withTable } from '../../scripts/chaos/written-table.ts';
import { root } from './script-process.ts';

const doc = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
const figures = JSON.parse(readFileSync(join(root, 'docs/chaos.json'), 'utf8')) as Figures;

test('docs/reliability.md has the table of the run in docs/chaos.json', () => {
  expect(withTable(doc, figures), 'write it with: npm run chaos -- --table docs/chaos.json').toBe(doc);
});

test('the run in docs/chaos.json had every fault, and kept every promise', () => {
  expect(figures.faults.map(({ fault }) => fault)).toEqual(faults.map(({ name }) => name));
  expect(figures.faults.filter(({ struck }) => struck === 0)).toEqual([]);
  expect(figures.violations).toBe(0);
});

test('a document without a place for the table is refused', () => {
  expect(() => withTable('# Reliability', figures)).toThrow(/no place for the table/);
});
