import { type Chance, chanceOf } from './chance.ts';
import { cutRequest, mangledRequest, noHttp, pipeline } from './inputs/cut-request.ts';
import { falseLength, oddChunks } from './inputs/false-length.ts';
import { oddAttributes } from './inputs/odd-attributes.ts';
import { oddHeaders, oddKey } from './inputs/odd-headers.ts';
import { oddContentType, oddJson, oddLines, oddUtf8 } from './inputs/odd-json.ts';
import { oddCursor, oddName, oddQuery } from './inputs/odd-query.ts';
import { needlessBody, oddMethod, oddTarget, oldHttp } from './inputs/odd-target.ts';
import { validPublish } from './inputs/valid-publish.ts';
import { validRead } from './inputs/valid-read.ts';
import type { Input, Plan } from './plan.ts';

type Kind = {
  /** How often it is chosen, compared with the other kinds. */
  readonly weight: number;
  readonly make: (chance: Chance, number: number) => Input;
};

/** All kinds of input, by name. */
export const kinds: Readonly<Record<string, Kind>> = {
  'valid publish': { weight: 11, make: validPublish },
  'valid read': { weight: 11, make: validRead },
  cursor: { weight: 9, make: oddCursor },
  name: { weight: 6, make: oddName },
  query: { weight: 9, make: oddQuery },
  headers: { weight: 10, make: oddHeaders },
  key: { weight: 3, make: oddKey },
  json: { weight: 10, make: oddJson },
  attributes: { weight: 6, make: oddAttributes },
  lines: { weight: 4, make: oddLines },
  'not UTF-8': { weight: 3, make: oddUtf8 },
  'content type': { weight: 3, make: oddContentType },
  'false length': { weight: 2, make: falseLength },
  chunks: { weight: 3, make: oddChunks },
  cut: { weight: 3, make: cutRequest },
  mangled: { weight: 3, make: mangledRequest },
  'no HTTP': { weight: 1, make: noHttp },
  pipeline: { weight: 2, make: pipeline },
  target: { weight: 4, make: oddTarget },
  method: { weight: 3, make: oddMethod },
  'old HTTP': { weight: 2, make: oldHttp },
  'needless body': { weight: 2, make: needlessBody },
};

const turns = Object.entries(kinds).flatMap(([name, { weight }]) => Array<string>(weight).fill(name));

/** What request `number` of a run with `seed` sends and expects. A pure function of both. */
export function makePlan(seed: number, number: number): Plan {
  const chance = chanceOf(seed, number);
  const kind = turns[chance.below(turns.length)] ?? '';
  const input = kinds[kind]?.make(chance, number);
  if (input === undefined) throw new Error(`There is no kind of input "${kind}".`);
  return { number, kind, ...input };
}
