import { seededRandom } from '../../support/seeded.ts';

/** Draws of one request: the same for the same seed and number. */
export type Chance = {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** True once in `times`. */
  once(times: number): boolean;
  /** `length` UTF-16 units of `alphabet`: half of a pair may be among them. */
  text(length: number, alphabet?: string): string;
  /** `length` bytes, each of any value. */
  bytes(length: number): Buffer;
};

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Longer texts say the same again: a run's time is for the server. */
const mostDrawn = 200;

/** The draws of request `number` of a run with `seed`: no other request's draws move them. */
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
