import type { Gap } from '../../../lib/core/continuity.ts';
import type { Fact } from './life.ts';

/** What a reader was told, in the order it was told. */
export type HistoryEntry =
  | { readonly kind: 'event'; readonly fact: Fact }
  /** `at`: when it was told, by `performance.now()`. */
  | { readonly kind: 'gap'; readonly gap: Gap; readonly at: number };

/** A reader, and all it was told. */
export type History = {
  /** `tail 2`, for example. */
  readonly reader: string;
  readonly channels: readonly string[];
  /** Types it asked for; null: all. */
  readonly types: ReadonlySet<string> | null;
  /**
   * Where it began, by channel: the id after which it asked for everything, or `now` where it was not told which; the
   * oldest kept where none is here.
   */
  readonly begin: ReadonlyMap<string, string>;
  readonly entries: readonly HistoryEntry[];
};
