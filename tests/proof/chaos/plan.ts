import { seeded } from '../../support/seeded.ts';
import type { Fault } from './faults/fault.ts';

/** One blow that is planned. */
export type PlannedBlow = {
  readonly fault: string;
  readonly atMs: number;
  readonly forMs: number;
  /** Seed of what else is drawn of it. */
  readonly seed: number;
};

type Kind = Pick<Fault, 'name' | 'part' | 'seconds'>;

/** How long a part is left alone between two faults of it, in ms: a process needs time to come up. */
const restMs = 1_500;

/** What is left free at the end, in ms, so that the last blow is over. */
const tailMs = 2_000;

/**
 * Draws what goes wrong, and when: a pure function of the seed. Up to `together` blows last at a time, none of the same
 * fault, and of one part one at a time. What comes of it depends on the machine's own timing, and differs each time.
 */
export function planOf(
  seed: number,
  forMs: number,
  together: number,
  faults: readonly Kind[],
): readonly PlannedBlow[] {
  const draw = seeded(seed);
  const blows: PlannedBlow[] = [];
  const freeAt = new Map<string, number>();
  const lanes = Array.from({ length: together }, () => draw.whole(0, 2_000));
  /** What is struck next, so that every fault has had its turn before one strikes again. */
  const deck: Kind[] = [];
  for (;;) {
    const lane = lanes.indexOf(Math.min(...lanes));
    const atMs = lanes[lane] ?? forMs;
    if (atMs >= forMs - tailMs) return blows.toSorted((a, b) => a.atMs - b.atMs);
    const isFree = ({ name, part }: Kind) =>
      (freeAt.get(name) ?? 0) <= atMs && (part === null || (freeAt.get(part) ?? 0) <= atMs);
    if (!deck.some(isFree) && deck.length <= faults.length) deck.push(...shuffled(faults, draw.next));
    const index = deck.findIndex(isFree);
    const [fault] = index < 0 ? [] : deck.splice(index, 1);
    if (fault === undefined) {
      lanes[lane] = atMs + 250;
      continue;
    }
    const [least, most] = fault.seconds;
    const lastsMs = Math.min(draw.whole(least * 1_000, most * 1_000), forMs - tailMs - atMs);
    blows.push({ fault: fault.name, atMs, forMs: lastsMs, seed: draw.whole(0, 2 ** 31) });
    freeAt.set(fault.name, atMs + lastsMs + restMs);
    if (fault.part !== null) freeAt.set(fault.part, atMs + lastsMs + restMs);
    lanes[lane] = atMs + lastsMs + draw.whole(100, 1_500);
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
