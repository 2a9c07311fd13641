import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fillIn } from '../../support/doc-table.ts';
import { root } from '../../support/root.ts';
import { answersPlace, answersTable } from './answers-table.ts';
import type { AnswersRun } from './run-answers.ts';

const file = 'tests/proof/runs/answers.json';
const run = JSON.parse(readFileSync(join(root, file), 'utf8')) as AnswersRun;

test('docs/reliability.md has the table of the recorded run', () => {
  const doc = readFileSync(join(root, 'docs/reliability.md'), 'utf8');
  const written = fillIn(doc, [{ name: answersPlace, text: answersTable(run) }]);
  expect(written, `write it with: npm run proof:answers -- --doc ${file}`).toBe(doc);
});

test('in the recorded run servers were killed, connections were cut, and every answer arrived with every token once', () => {
  expect(Math.min(run.kills, run.cutsAtByte, run.cutsAtLimit)).toBeGreaterThan(0);
  expect(run.ways.feed).toMatchObject({ exact: run.answers, told: 0, wrong: 0 });
});
