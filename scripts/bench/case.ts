import type { Contestant, ContestantKey } from './contestants.ts';

/** What one run of one contestant gave. */
export type Measured = {
  /** Each figure by its name. */
  readonly figures: Readonly<Record<string, number>>;
  /** Share of one core that the load client used: near 1 it was the bottleneck. */
  readonly clientLoad: number;
};

/** How much is done; a smoke run does little of everything. */
export type Size = 'full' | 'smoke';

/** What a figure of ours must be: as it is, or as a ratio to the same figure of another. */
export type Goal = {
  readonly figure: string;
  readonly unit: string;
  readonly to: ContestantKey | null;
  readonly atLeast?: number;
  readonly atMost?: number;
};

/** Something to be measured. */
export type Case = {
  /** For `--only`. */
  readonly name: string;
  readonly what: string;
  readonly contestants: readonly ContestantKey[];
  readonly goals: readonly Goal[];
  /** One round of one contestant, in processes of its own. */
  run(contestant: Contestant, size: Size): Promise<Measured>;
};
