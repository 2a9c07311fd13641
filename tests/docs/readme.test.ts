import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tableBelow } from '../support/docs/markdown-table.ts';
import { root } from '../support/root.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');

/** The targets of the links in a text. */
function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');
}

function hasAnchor(file: string, anchor: string): boolean {
  return read(file)
    .split('\n')
    .filter((line) => line.startsWith('#'))
    .some((line) => anchorOf(line.replace(/^#+ /, '')) === anchor);
}

test('the README is short enough to be read', () => {
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
});

describe('the comparison with others', () => {
  const rows = tableBelow(readme, 'How it compares');
  const cells = rows.flatMap((row) =>
    Object.entries(row)
      .filter(([column]) => column !== '')
      .map(([column, text]) => ({ row: row[''] ?? '', column, text })),
  );

  test('has a cell for each question and each project', () => {
    expect(Object.keys(rows[0] ?? {})).toHaveLength(8);
    expect(cells.every(({ text }) => text !== '')).toBe(true);
  });

  test.each(cells)('gives its source: $row, $column', ({ column, text }) => {
    const [claim = ''] = linksIn(text);
    const unsourced = text.replaceAll(/\[[^\]]+\]\([^)\s]+\)/g, '');

    expect(claim).toMatch(column === 'Steadfeed' ? /^(?:tests|docs)\// : /^(?:https:|docs|tests)\//);
    // Every statement of the cell is the text of a link.
    expect(unsourced).toMatch(/^(?:[;,] )?(?:ours has )?$/);
  });
});

describe('a link or a path in the README', () => {
  const local = linksIn(readme).filter((target) => !/^https?:/.test(target));

  test.each([...new Set(local)])('leads to something: %s', (target) => {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? 'README.md' : path;

    expect(existsSync(join(root, file))).toBe(true);
    if (anchor !== undefined) expect(hasAnchor(file, anchor)).toBe(true);
  });

  const written = [...readme.matchAll(/`((?:app|lib|docs|tests|scripts)\/[^`\s*]*)`/g)].map(
    ([, path = '']) => path,
  );

  test.each([...new Set(written)])('exists: %s', (path) => {
    expect(globSync(path.replace(/\/$/, ''), { cwd: root })).not.toEqual([]);
  });

  test('exists in the diagram', () => {
    const diagram = readme.slice(readme.indexOf('## The path of an event'));
    const paths = diagram.slice(0, diagram.indexOf('\n[docs/')).match(/(?:lib|app)\/[\w/_.-]+\.tsx?/g) ?? [];
    expect(paths.length).toBeGreaterThan(8);
    for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
  });
});

test('the three lines of the README are lines that the compiler has checked', () => {
  const [, block = ''] = /```ts\n([\s\S]*?)\n```/.exec(readme) ?? [];
  const checked = read('tests/docs/typed-readme.test.ts')
    .split('\n')
    .map((line) => line.trim());

  expect(block.split('\n')).toHaveLength(3);
  for (const line of block.split('\n')) expect(checked).toContain(line);
});

test('each command of the README is a script of the project', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name = '']) => name);

  expect(named.length).toBeGreaterThan(10);
  for (const name of named) expect(scripts, name).toHaveProperty([name]);
});
