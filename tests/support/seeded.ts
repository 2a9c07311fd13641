/** Random numbers that are the same for the same seed, so that a failure can be run again. */
export type Seeded = {
  /** 0 ≤ x < 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  /** A whole number, 0 ≤ n < `limit`. */
  below(limit: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of `items`. @throws Error for an empty list. */
  pick<Item>(items: readonly Item[]): Item;
  /** `min` to `max` letters of `alphabet`, put together. */
  text(alphabet: readonly string[], min: number, max: number): string;
};

/** Each call but `text` draws one number, so that what a seed gives does not depend on which of them is called. */
export function seeded(seed: number): Seeded {
  const next = seededRandom(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const whole = (min: number, max: number) => min + below(max - min + 1);
  const pick = <Item>(items: readonly Item[]): Item => {
    if (items.length === 0) throw new Error('nothing to pick from');
    return items[below(items.length)] as Item;
  };
  return {
    next,
    whole,
    below,
    chance: (probability) => next() < probability,
    pick,
    text: (alphabet, min, max) => Array.from({ length: whole(min, max) }, () => pick(alphabet)).join(''),
  };
}

/** Seeds 1 to `count`, for `test.each`: the name of a failing test then includes its seed. */
export function seeds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** Numbers 0 ≤ x < 1 from the generator mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
