import { seededRandom } from '../seeded-random.ts';

/** Random numbers that a seed repeats. */
export function seeded(seed: number) {
  const next = seededRandom(seed);
  return {
    next,
    /** 0 ≤ n < below. */
    below: (below: number) => Math.floor(next() * below),
    chance: (probability: number) => next() < probability,
    pick: <T>(list: readonly [T, ...T[]]): T => list[Math.floor(next() * list.length)] ?? list[0],
  };
}
