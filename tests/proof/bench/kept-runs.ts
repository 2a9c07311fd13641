import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
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

/** Where and how figures were measured. */
export type About = {
  /** The day, `2026-11-23`, in UTC. */
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  /** `Linux 6.1.0` */
  readonly kernel: string;
  readonly node: string;
  readonly next: string;
  /** Of what is timed; what is counted has one. */
  readonly rounds: number;
  /** Of the order in which contestants were run. */
  readonly seed: number;
};

/** This machine, now. @param root the project's folder, whose Next is meant. */
export function describeRun(root: string, rounds: number, seed: number): About {
  const [first] = cpus();
  const next = JSON.parse(readFileSync(join(root, 'node_modules/next/package.json'), 'utf8'));
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    kernel: `${process.platform === 'linux' ? 'Linux' : process.platform} ${release()}`,
    node: process.versions.node,
    next: String(next.version),
    rounds,
    seed,
  };
}
