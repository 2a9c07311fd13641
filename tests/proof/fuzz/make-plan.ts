import { chanceOf } from './chance.ts';
import { kinds } from './inputs.ts';
import type { Plan } from './plan.ts';

const turns = Object.entries(kinds).flatMap(([name, { weight }]) => Array<string>(weight).fill(name));

/** What request `number` of a run with `seed` sends and expects: a pure function of both. */
export function makePlan(seed: number, number: number): Plan {
  const chance = chanceOf(seed, number);
  const kind = turns[chance.below(turns.length)] ?? '';
  const input = kinds[kind]?.make(chance, number);
  if (input === undefined) throw new Error(`there is no kind of input "${kind}"`);
  return { number, kind, ...input };
}
