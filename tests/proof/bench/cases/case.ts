import type { Contestant, ContestantKey } from '../contestants.ts';

/** What one run of one contestant gave. */
export type Measured = {
  /** Each figure by its name. */
  readonly figures: Readonly<Record<string, number>>;
  /** Share of one core that the load client used: near 1 it was the bottleneck. */
  readonly clientLoad: number;
};

/** How much is done; a smoke run does little of everything. */
export type Size = 'full' | 'smoke';

/** Something that is told of every contestant that has it. */
export type Figure = {
  readonly name: string;
  readonly unit: string;
  /** Of ours. None: it is told, and held against nothing. */
  readonly goals: readonly Goal[];
};

/** What a figure of ours must be, from its own unit or as a ratio to a sum. */
export type Goal = {
  /** What is added up: the same figure of another, or another figure of ours. Not given: the figure is taken as it is. */
  readonly to?: readonly (ContestantKey | { readonly own: string })[];
  readonly atLeast?: number;
  readonly atMost?: number;
};

/** Something to be measured. */
export type Case = {
  /** For `--only`. */
  readonly name: string;
  readonly what: string;
  /** Those it is measured with, ours first. */
  readonly contestants: readonly ContestantKey[];
  readonly figures: readonly Figure[];
  /** One is enough for what is counted and not timed: no load of the machine changes it. */
  readonly isCounted?: boolean;
  /** One round of one contestant, in processes of its own. */
  run(contestant: Contestant, size: Size): Promise<Measured>;
};
