import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../support/root.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const chapters = read('docs/decisions.md').split('\n## ').slice(1);

describe.each(chapters.map((text) => ({ name: text.split('\n')[0] ?? '', text })))(
  'the decision $name',
  ({ text }) => {
    test('says what it costs, and what would change it', () => {
      expect(text).toContain('\n**Cost:** ');
      expect(text).toContain('\n**What would change our mind:** ');
    });

    test('names files that exist', () => {
      for (const [, path = ''] of text.matchAll(/`((?:app|lib|tests|scripts)\/[^`]+)`/g)) {
        expect(existsSync(join(root, path)), path).toBe(true);
      }
      for (const [, path = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
        expect(existsSync(join(root, 'docs', path)), path).toBe(true);
      }
    });
  },
);

test('every decision is in the table at the start', () => {
  const [head = ''] = read('docs/decisions.md').split('\n## ');
  const anchors = [...head.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
  const headings = chapters.map((text) =>
    (text.split('\n')[0] ?? '')
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  expect(anchors).toEqual(headings);
});
