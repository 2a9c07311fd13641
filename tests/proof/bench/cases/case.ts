import type { Contestant, ContestantKey } from '../contestants.ts';

/** The result of one round of one contestant. */
export type Measured = {
  /** The figures by name. */
  readonly figures: Readonly<Record<string, number>>;
  /** Share of one core that the load client used: near 1 it was the bottleneck. */
  readonly clientLoad: number;
};

/** A smoke run does a little of everything. */
export type Size = 'full' | 'smoke';

/** A figure of the report. A contestant may not have it. */
export type Figure = {
  readonly name: string;
  readonly unit: string;
  /** The place of the figure in a table of its case with one row for each cost; not set: it has a row of its own. */
  readonly cell?: Cell;
  /** Goals for this feed; none: the figure is only reported. */
  readonly goals: readonly Goal[];
};

/** A row and a column of a table. */
export type Cell = { readonly row: string; readonly column: string };

/** A limit for a figure of this feed: for its value, or for its ratio to a sum of other figures. */
export type Goal = {
  /** The contestant that it is for; not set: this feed as it is. */
  readonly of?: ContestantKey;
  /** The sum: the same figure of other contestants, or other figures of ours. Not set: the limit is for the value. */
  readonly to?: readonly (ContestantKey | OwnFigure)[];
  readonly atLeast?: number;
  readonly atMost?: number;
};

/** Another figure of ours, by its name, and what the goal calls it; default: its name. */
export type OwnFigure = { readonly own: string; readonly as?: string };

/** One case of the benchmark. */
export type Case = {
  /** The name for `--only`. */
  readonly name: string;
  readonly what: string;
  /** The contestants, ours first. */
  readonly contestants: readonly ContestantKey[];
  readonly figures: readonly Figure[];
  /** One round is enough, because the figures are counts that do not depend on the load of the machine. */
  readonly isCounted?: boolean;
  /** Runs one round of one contestant, in processes of its own. */
  run(contestant: Contestant, size: Size): Promise<Measured>;
};
