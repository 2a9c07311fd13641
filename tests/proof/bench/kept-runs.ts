import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { About } from './about.ts';
import type { Line } from './report.ts';

/** What one run of the bench gave. */
export type Run = { readonly about: About; readonly lines: readonly Line[] };

/** Reads what `keepRun` wrote. */
export function readRuns(file: string): readonly Run[] {
  return JSON.parse(readFileSync(file, 'utf8')) as readonly Run[];
}

/** Puts a run into a file of runs, in place of what was there of its cases; the file is made where there is none. */
export function keepRun(file: string, run: Run): void {
  const runs = withRun(existsSync(file) ? readRuns(file) : [], run);
  writeFileSync(file, `${JSON.stringify(runs, null, 1)}\n`);
}

/** Runs with a new one, which replaces what older ones have of its cases. */
export function withRun(runs: readonly Run[], run: Run): readonly Run[] {
  const measured = new Set(run.lines.map((line) => line.case));
  const older = runs.map(({ about, lines }) => ({
    about,
    lines: lines.filter((line) => !measured.has(line.case)),
  }));
  return [...older.filter(({ lines }) => lines.length > 0), run];
}
