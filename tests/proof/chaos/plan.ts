import { seeded } from '../../support/seeded.ts';
import type { Fault } from './faults/fault.ts';

/** One planned occurrence of a fault. */
export type PlannedOccurrence = {
  readonly fault: string;
  readonly atMs: number;
  readonly forMs: number;
  /** The seed for its details. */
  readonly seed: number;
};

type Kind = Pick<Fault, 'name' | 'part' | 'seconds'>;

/** The pause between two faults of one part, in ms. A process needs time to start. */
const restMs = 1_500;

/** The time without new faults at the end, in ms, so that the last fault can end. */
const tailMs = 2_000;

/**
 * Plans which faults happen, and when: a pure function of the seed. At most `together` faults last at the same time, never
 * two of the same kind or of the same part. Their effect depends on the timing of the machine and differs in each run.
 */
export function planOf(
  seed: number,
  forMs: number,
  together: number,
  faults: readonly Kind[],
): readonly PlannedOccurrence[] {
  const draw = seeded(seed);
  const occurrences: PlannedOccurrence[] = [];
  const freeAt = new Map<string, number>();
  const lanes = Array.from({ length: together }, () => draw.whole(0, 2_000));
  /** The next faults. Every fault has its turn before one strikes again. */
  const deck: Kind[] = [];
  for (;;) {
    const lane = lanes.indexOf(Math.min(...lanes));
    const atMs = lanes[lane] ?? forMs;
    if (atMs >= forMs - tailMs) return occurrences.toSorted((a, b) => a.atMs - b.atMs);
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
    occurrences.push({ fault: fault.name, atMs, forMs: lastsMs, seed: draw.whole(0, 2 ** 31) });
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
