import { readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

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
