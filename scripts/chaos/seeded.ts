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

/** Makes numbers that are the same for the same seed (mulberry32). */
export function seeded(seed: number): Draw {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
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
