import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRuns } from '../../proof/bench/kept-runs.ts';
import { middleboxes } from '../../proof/middleboxes/catalogue.ts';
import type { Middlebox } from '../../proof/middleboxes/middlebox.ts';
import { brokenBehind, findBoth, type Run } from '../../proof/middleboxes/report.ts';
import { endScripts, runScript } from '../../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** A minute of waiting, and the start of about twenty programs. */
const timeoutMs = 240_000;

/** A minute behind every middlebox, all at the same time. */
let runs: readonly Run[];

beforeAll(async () => {
  using folder = makeTemporaryFolder();
  const json = join(folder.path, 'runs.json');
  const script = runScript('tests/proof/middleboxes.ts', ['--short', '--seed', '7', '--json', json]);
  // It ends with 1 where a promise is broken. The tests below say which.
  expect([0, 1], script.err()).toContain(await script.code);
  runs = readRuns<Run>(json);
}, timeoutMs);
afterAll(endScripts);

describe('behind a middlebox', () => {
  test.each(middleboxes)('$name: our reader gets every event once, in time', (box) => {
    expect(findBoth(runs, box, 'steadfeed')).toHaveLength(2);
    expect(brokenBehind(runs, box)).toEqual([]);
  });

  test('an EventSource is late, or gets nothing: they do misbehave', () => {
    const isLate = (box: Middlebox) =>
      findBoth(runs, box, 'eventSource').some(({ row }) => row.worstMs === null || row.worstMs > 5_000);
    expect(middleboxes.filter(isLate).length).toBeGreaterThanOrEqual(20);
  });
});
