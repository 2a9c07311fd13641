import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { measureBundle, sizesTable } from '../support/client/bundle-sizes.ts';

const sizes = await measureBundle();

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

test('the client’s core carries one package, the parser of streams', () => {
  const packages = sizes.files.flatMap((id) => /node_modules\/([^/]+)/.exec(id)?.[1] ?? []);
  expect(new Set(packages)).toEqual(new Set(['eventsource-parser']));
});

test('the client’s core carries no schemas, nothing of server or log', () => {
  expect(sizes.files.filter((id) => /lib\/(server|log)\/|event-types/.test(id))).toEqual([]);
});

test('the client’s core stays within 18 KB, gzipped', () => {
  expect(sizes.gzip).toBeLessThan(18 * 1_024);
});

test('the texts that tell a person what a request may hold stay with the server', () => {
  expect(sizes.code).not.toMatch(/allowed (is|are)/);
});

test('each part weighs what the documentation says, to 0.2 KB', () => {
  const doc = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8');
  const written = figuresOf(/<!-- sizes -->\n([\s\S]*?)\n<!-- \/sizes -->/.exec(doc)?.[1] ?? '');
  const measured = figuresOf(sizesTable(sizes));
  expect([...written.keys()], 'print it with: node tests/support/client/bundle-sizes.ts').toEqual([
    ...measured.keys(),
  ]);
  for (const [part, figures] of measured) {
    const [minified, gzip] = written.get(part) ?? [];
    expect(Math.abs(Number(minified) - Number(figures[0])), `${part}, minified`).toBeLessThan(0.25);
    expect(Math.abs(Number(gzip) - Number(figures[1])), `${part}, gzip`).toBeLessThan(0.25);
  }
});
