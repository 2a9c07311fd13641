import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { breakGuard } from './break-guard.ts';
import { readCatches } from './catches.ts';
import { mutants } from './mutants.ts';
import { mutantsTable } from './mutants-table.ts';

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

test.each(mutants)('that $name: the guard stands where it is to be broken', (mutant) => {
  const text = read(mutant.file);
  expect(breakGuard(text, mutant)).not.toBe(text);
});

test('each mutant is in the documentation, and somebody found it out', () => {
  const table =
    /<!-- mutants -->\n([\s\S]*?)\n<!-- \/mutants -->/.exec(read('docs/reliability.md'))?.[1] ?? '';
  const names = table
    .split('\n')
    .slice(2)
    .map((row) => row.split(' | ')[0]?.replace('| ', ''));
  expect(names, 'write it by: npm run proof:mutants -- --doc').toEqual(mutants.map(({ name }) => name));
  expect(table).not.toContain('**nobody**');
});

describe('a mutant', () => {
  const mutant = { name: 'm', file: 'f.ts', find: 'if (a)', replace: 'if ($&)', projects: ['core'] };

  test.each([
    ['none', 0],
    ['if (a) if (a)', 2],
  ])('of a text that holds it other than once (%s) is refused', (text, times) => {
    expect(() => breakGuard(text, mutant)).toThrow(`m: f.ts holds ${times} of`);
  });

  test('is put in as it is written', () => {
    expect(breakGuard('x; if (a) y', mutant)).toBe('x; if ($&) y');
  });

  test('that nobody found out is said so', () => {
    expect(mutantsTable([{ mutant, catches: [] }])).toContain('**nobody**');
  });

  test('is found out by tests that failed, not by a file that could not be loaded', () => {
    const testResults = [
      {
        name: '/copy/a.test.ts',
        status: 'failed',
        assertionResults: [
          { fullName: 'a', status: 'failed' },
          { fullName: 'b', status: 'passed' },
        ],
      },
      { name: '/copy/b.test.ts', status: 'failed', assertionResults: [] },
    ];
    expect(readCatches({ testResults }, '/copy')).toEqual([{ file: 'a.test.ts', test: 'a' }]);
  });
});
