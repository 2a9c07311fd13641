import { seededRandom } from '../../support/seeded.ts';

/** The random choices for one request: the same for the same seed and number. */
export type Chance = {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** True once in `times`. */
  once(times: number): boolean;
  /** `length` UTF-16 units of `alphabet`, perhaps with half of a surrogate pair. */
  text(length: number, alphabet?: string): string;
  /** `length` random bytes. */
  bytes(length: number): Buffer;
};

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Longer texts repeat themselves, because random characters take time that the server should have. */
const mostDrawn = 200;

/** The choices for request `number` of a run with `seed`. They do not depend on other requests. */
export function chanceOf(seed: number, number: number): Chance {
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const below = (limit: number) => Math.floor(random() * limit);
  return {
    below,
    pick: (list) => list[below(list.length)] ?? list[0],
    once: (times) => below(times) === 0,
    text(length, alphabet = letters) {
      let drawn = '';
      for (let left = Math.min(length, mostDrawn); left > 0; left -= 1)
        drawn += alphabet[below(alphabet.length)];
      return drawn.repeat(Math.ceil(length / mostDrawn)).slice(0, length);
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}
