import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Line } from '../../scripts/bench/report.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs the bench for a moment; its figures mean nothing then, only that there are some. */
function smoke(...names: readonly string[]) {
  using folder = makeTemporaryFolder();
  const json = join(folder.path, 'lines.json');
  const args = ['scripts/bench.ts', '--smoke', '--json', json, ...names.flatMap((name) => ['--only', name])];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return { table: stdout, lines: JSON.parse(readFileSync(json, 'utf8')) as readonly Line[] };
}

test('the bench measures every contestant, each in a process of its own, and tells of each', () => {
  const { lines, table } = smoke('fanout', 'memory', 'poll', 'catch-up-1');
  const of = (name: string) => lines.filter((line) => line.case === name).map((line) => line.contestant);
  expect(of('fanout')).toEqual(['steadfeed', 'bareNode', 'betterSse', 'plainNext']);
  expect(of('memory')).toEqual(['steadfeed', 'bareNode', 'plainNext']);
  for (const line of lines) expect(Number.isFinite(line.median), line.figure).toBe(true);
  expect(table.trim().split('\n')).toHaveLength(2 + lines.length);
});

test('a case that there is not is refused, with the names of those there are', () => {
  const args = ['scripts/bench.ts', '--only', 'fan-out'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stderr).toMatch(/--only fan-out: allowed are fanout, burst/);
});
