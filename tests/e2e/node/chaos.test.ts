import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Figures } from '../../proof/chaos/figures.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** A short run, with fewer readers than the default, so that it passes on a busy machine. */
function chaos(...args: readonly string[]) {
  using folder = makeTemporaryFolder();
  const json = join(folder.path, 'figures.json');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['tests/proof/chaos.ts', '--readers', '24', '--json', json, ...args],
    { cwd: root, encoding: 'utf8' },
  );
  return { status, stderr, figures: JSON.parse(readFileSync(json, 'utf8')) as Figures };
}

// `.ci/run` adds a longer run, and one with a fresh seed.
test('every reader gets every event once, in order, while all faults happen at once', () => {
  const { status, stderr, figures } = chaos('--seconds', '12', '--seed', '1', '--browser');
  expect(status, stderr).toBe(0);
  expect(stderr).toMatch(/readers: .*, 2 Chromium$/m);
  expect(figures.violations).toBe(0);
  expect(figures.cuts).toBeGreaterThan(0);
  expect(figures.deliveries).toBeGreaterThan(100);
  expect(figures.states).toBeGreaterThan(0);
});

test.each([
  { sabotage: 'drop', only: 'after a frame', finds: 'unsaidGaps' },
  { sabotage: 'hide-gaps', only: 'started again empty', finds: 'unsaidGaps' },
] as const)('a run with sabotaged readers fails: $sabotage', ({ sabotage, only, finds }) => {
  const { status, stderr, figures } = chaos(
    ...['--seconds', '7', '--seed', '1', '--only', only],
    ...['--no-browser', '--sabotage', sabotage],
  );
  expect(status).toBe(1);
  expect(stderr).toMatch(/promises were broken \(seed 1\)/);
  expect(figures[finds]).toBeGreaterThan(0);
});
