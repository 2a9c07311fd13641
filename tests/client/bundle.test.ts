import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { measureBundle, sizesTable } from '../support/client/bundle-sizes.ts';

const whole = await measureBundle('whole');
const withoutTabs = await measureBundle('withoutTabs');

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
  const packages = whole.files.flatMap((id) => /node_modules\/([^/]+)/.exec(id)?.[1] ?? []);
  expect(new Set(packages)).toEqual(new Set(['eventsource-parser']));
});

test('the client’s core carries no schemas, nothing of server or log', () => {
  expect(whole.files.filter((id) => /lib\/(server|log)\/|event-types/.test(id))).toEqual([]);
});

test('the whole client stays within 20.1 KB, gzipped', () => {
  expect(whole.gzip).toBeLessThan(20.1 * 1_024);
});

test('a client that does not share between tabs stays within 15.7 KB, and carries nothing of it', () => {
  expect(withoutTabs.gzip).toBeLessThan(15.7 * 1_024);
  expect(withoutTabs.files.filter((id) => id.includes('lib/client/tabs/'))).toEqual([]);
});

test('the texts that tell a person what a request may hold stay with the server', () => {
  expect(whole.code).not.toMatch(/allowed (is|are)/);
});

test('each part weighs what the documentation says, to 0.2 KB', () => {
  const doc = readFileSync(new URL('../../docs/client.md', import.meta.url), 'utf8');
  const written = figuresOf(/<!-- sizes -->\n([\s\S]*?)\n<!-- \/sizes -->/.exec(doc)?.[1] ?? '');
  const measured = figuresOf(sizesTable(whole, withoutTabs));
  expect([...written.keys()], 'print it with: node tests/support/client/bundle-sizes.ts').toEqual([
    ...measured.keys(),
  ]);
  for (const [part, figures] of measured) {
    const [minified, gzip] = written.get(part) ?? [];
    expect(Math.abs(Number(minified) - Number(figures[0])), `${part}, minified`).toBeLessThan(0.25);
    expect(Math.abs(Number(gzip) - Number(figures[1])), `${part}, gzip`).toBeLessThan(0.25);
  }
});
