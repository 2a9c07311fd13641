import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { breakGuard } from './break-guard.ts';
import { readCatches } from './catches.ts';
import { mutants } from './mutants.ts';
import { mutantsTable } from './mutants-table.ts';

const read = (path: string) =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

test.each(mutants)('$name: the text to replace is in its file once', (mutant) => {
  const text = read(mutant.file);
  expect(breakGuard(text, mutant)).not.toBe(text);
});

test('each mutant is in the documentation, and a test fails because of it', () => {
  const table =
    /<!-- mutants -->\n([\s\S]*?)\n<!-- \/mutants -->/.exec(read('docs/reliability.md'))?.[1] ?? '';
  const names = table
    .split('\n')
    .slice(2)
    .map((row) => row.split(' | ')[0]?.replace('| ', ''));
  expect(names, 'write it with: npm run proof:mutants -- --doc').toEqual(mutants.map(({ name }) => name));
  expect(table).not.toContain('**none**');
});

describe('a mutant', () => {
  const mutant = { name: 'm', file: 'f.ts', find: 'if (a)', replace: 'if ($&)', projects: ['core'] };

  test.each([
    ['none', 0],
    ['if (a) if (a)', 2],
  ])('is refused if its text is in the file other than once (%s)', (text, times) => {
    expect(() => breakGuard(text, mutant)).toThrow(`m: f.ts has the text to replace ${times} times`);
  });

  test('replaces its text literally', () => {
    expect(breakGuard('x; if (a) y', mutant)).toBe('x; if ($&) y');
  });

  test('without a failing test is marked as such', () => {
    expect(mutantsTable([{ mutant, catches: [] }])).toContain('**none**');
  });

  test('is found by tests that fail, not by a file that does not load', () => {
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
