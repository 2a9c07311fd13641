const { WALK_SEED, WALK_SEEDS } = process.env;
const fresh = Date.now() % 1_000_000_000;

/**
 * The seeds of a walk: fixed ones, and beside them a fresh one, which the name of its test prints.
 * `WALK_SEEDS=200` runs that many fresh ones. `WALK_SEED=123` runs that one alone again.
 */
export function walkSeeds(fixed: readonly number[]): readonly number[] {
  if (WALK_SEED !== undefined) return [Number(WALK_SEED)];
  return [...fixed, ...Array.from({ length: Number(WALK_SEEDS ?? 1) }, (_, index) => fresh + index)];
}
