import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import type { Line } from './report.ts';

/** The result of one run of the benchmark. */
export type Run = { readonly about: About; readonly lines: readonly Line[] };

/** Reads the runs that `keepRun` wrote. */
export function readRuns<R = Run>(file: string): readonly R[] {
  return JSON.parse(readFileSync(file, 'utf8')) as readonly R[];
}

/**
 * Adds a run to a file of runs. A missing file is created.
 * @param add joins the older runs and the new one, which replaces older figures.
 */
export function keepRun<R>(file: string, run: R, add: (runs: readonly R[], run: R) => readonly R[]): void {
  const runs = add(existsSync(file) ? readRuns<R>(file) : [], run);
  writeFileSync(file, `${JSON.stringify(runs, null, 1)}\n`);
}

/** Adds a run to older ones. It replaces their figures of the same cases. */
export function withRun(runs: readonly Run[], run: Run): readonly Run[] {
  const measured = new Set(run.lines.map((line) => line.case));
  const older = runs.map(({ about, lines }) => ({
    about,
    lines: lines.filter((line) => !measured.has(line.case)),
  }));
  return [...older.filter(({ lines }) => lines.length > 0), run];
}

/** Where and how a run was measured. */
export type About = {
  /** The day, `2026-11-23`, in UTC. */
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  /** `Linux 6.1.0` */
  readonly kernel: string;
  readonly node: string;
  readonly next: string;
  /** Number of rounds. Cases that only count have one round. */
  readonly rounds: number;
  /** The seed of the order of the contestants. */
  readonly seed: number;
};

/** Describes this machine and this run. @param root the folder of the project whose Next runs. */
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
