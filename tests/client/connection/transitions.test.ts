import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { statesAsMade, transitionTable } from '../../support/client/transition-table.ts';

const doc = readFileSync(new URL('../../../docs/client.md', import.meta.url), 'utf8');

test.each(statesAsMade())('the state "%s" is made as meant', (name, made) => {
  expect(made).toBe(name);
});

test('the documented table of transitions is the reducer’s own', () => {
  const written = /<!-- transitions -->\n([\s\S]*?)\n?<!-- \/transitions -->/.exec(doc)?.[1];
  expect(written, 'print it with: node tests/support/client/transition-table.ts').toBe(transitionTable());
});
