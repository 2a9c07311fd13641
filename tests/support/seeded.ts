import { seededRandom } from './seeded-random.ts';

/** Random numbers that are the same for the same seed, so that a failure can be run again. */
export type Seeded = {
  /** 0 ≤ x < 1. */
  next(): number;
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  /** One of these. */
  pick<Item>(items: readonly Item[]): Item;
  /** `min` to `max` letters of `alphabet`, put together. */
  text(alphabet: readonly string[], min: number, max: number): string;
};

export function seeded(seed: number): Seeded {
  const next = seededRandom(seed);
  const whole = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  const pick = <Item>(items: readonly Item[]): Item => {
    if (items.length === 0) throw new Error('nothing to pick from');
    return items[whole(0, items.length - 1)] as Item;
  };
  const text = (alphabet: readonly string[], min: number, max: number) =>
    Array.from({ length: whole(min, max) }, () => pick(alphabet)).join('');
  return { next, whole, pick, text };
}

/** Seeds 1 to `count`, for `test.each`: the seed is then in the name of the test that fails. */
export function seeds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
