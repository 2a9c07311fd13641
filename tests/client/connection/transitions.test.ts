import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { statesAsMade, transitionTable } from '../../support/client/transition-table.ts';

const doc = readFileSync(new URL('../../../docs/client.md', import.meta.url), 'utf8');

test.each(statesAsMade())('the reader that is made for the state "%s" is in it', (name, made) => {
  expect(made).toBe(name);
});

test('the table of transitions in docs/client.md is what the reducer does', () => {
  const written = /<!-- transitions -->\n([\s\S]*?)\n?<!-- \/transitions -->/.exec(doc)?.[1];
  expect(written, 'print it with: node tests/support/client/transition-table.ts').toBe(transitionTable());
});
