import { seededRandom } from '../../support/seeded-random.ts';

/** Random numbers that a seed repeats. */
export type Draw = {
  /** 0 ≤ x < 1 */
  next(): number;
  /** A whole number, `from` ≤ n ≤ `to`. */
  between(from: number, to: number): number;
  chance(share: number): boolean;
  /** @throws Error for an empty list. */
  pick<T>(list: readonly T[]): T;
};

/** Makes numbers that are the same for the same seed. */
export function seeded(seed: number): Draw {
  const next = seededRandom(seed);
  return {
    next,
    between: (from, to) => from + Math.floor(next() * (to - from + 1)),
    chance: (share) => next() < share,
    pick: (list) => {
      const found = list[Math.floor(next() * list.length)];
      if (found === undefined) throw new Error('nothing to pick from');
      return found;
    },
  };
}
