import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { measureBundle, sizesTable } from '../support/client/bundle-sizes.ts';
import { transitionTable } from '../support/client/transition-table.ts';

const doc = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8');

/** The text of the document between two marks. */
function between(mark: string): string | undefined {
  return new RegExp(`<!-- ${mark} -->\\n([\\s\\S]*?)\\n?<!-- /${mark} -->`).exec(doc)?.[1];
}

test('the table of transitions in docs/client.md is what the reducer does', () => {
  expect(between('transitions'), 'print it with: node tests/support/client/transition-table.ts').toBe(
    transitionTable(),
  );
});

/** The figures of a table of sizes, by part. */
function figuresOf(table: string): ReadonlyMap<string, readonly number[]> {
  const rows = table.split('\n').slice(2);
  return new Map(
    rows.map((row) => {
      const [, part = '', ...cells] = row.split('|').map((cell) => cell.trim());
      return [part, cells.slice(0, 2).map(Number)];
    }),
  );
}

test('each part weighs what the documentation says, to 0.2 KB', async () => {
  const written = figuresOf(between('sizes') ?? '');
  const measured = figuresOf(sizesTable(await measureBundle('whole'), await measureBundle('withoutTabs')));
  expect([...written.keys()], 'print it with: node tests/support/client/bundle-sizes.ts').toEqual([
    ...measured.keys(),
  ]);
  for (const [part, figures] of measured) {
    const [minified, gzip] = written.get(part) ?? [];
    expect(Math.abs(Number(minified) - Number(figures[0])), `${part}, minified`).toBeLessThan(0.25);
    expect(Math.abs(Number(gzip) - Number(figures[1])), `${part}, gzip`).toBeLessThan(0.25);
  }
});
