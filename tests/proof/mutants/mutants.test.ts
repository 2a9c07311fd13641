import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { tableIn } from '../../support/doc-table.ts';
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
  const table = tableIn(read('docs/reliability.md'), 'mutants');
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
    expect(mutantsTable([mutant], [{ mutant, catches: [] }], '')).toContain('**none**');
  });

  test('that was not run keeps its row, and one that is gone loses it', () => {
    const [next, gone] = [
      { ...mutant, name: 'next' },
      { ...mutant, name: 'gone' },
    ];
    const found = (test: string) =>
      [mutant, next, gone].map((each) => ({ mutant: each, catches: [{ file: 'f', test }] }));
    const before = mutantsTable([mutant, next, gone], found('old'), '');
    const after = mutantsTable([mutant, next], found('new').slice(1, 2), before);
    expect(after.split('\n').slice(2)).toEqual(['| m | `f.ts` | `f`: old |', '| next | `f.ts` | `f`: new |']);
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
