import { seededRandom } from '../seeded-random.ts';

/** Draws of one request: the same for the same seed and number. */
export type Chance = {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** True once in `times`. */
  once(times: number): boolean;
  /** `length` characters of `alphabet`. */
  text(length: number, alphabet?: string): string;
  /** `length` bytes, each of any value. */
  bytes(length: number): Buffer;
};

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** The draws of request `number` of a run with `seed`: no other request's draws move them. */
export function chanceOf(seed: number, number: number): Chance {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const below = (limit: number) => Math.floor(random() * limit);
  return {
    below,
    pick: (list) => list[below(list.length)] ?? list[0],
    once: (times) => below(times) === 0,
    text: (length, alphabet = letters) =>
      Array.from({ length }, () => alphabet[below(alphabet.length)]).join(''),
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}
