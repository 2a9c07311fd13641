import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { eventTypes } from '../../lib/config/event-types.ts';
import { root } from './root.ts';

/** Data of the type `machine` that fits its schema. */
export const machine = {
  load: 1,
  memoryUsedPercent: 2,
  diskUsedPercent: 3,
  uptimeSeconds: 4,
  eventLoopDelayMs: 5,
};

/**
 * Declares a type for the tests of this file, whatever types the app declares: the tests judge how types are used, not which
 * there are.
 */
export function declareType(type: string, schema: z.ZodType): void {
  Object.assign(eventTypes, { [type]: schema });
}

/** Declares the type `machine` for the tests of this file. */
export function declareMachine(): void {
  const figure = z.number().nonnegative();
  const schema = z.object({
    load: z.number(),
    memoryUsedPercent: figure.max(100),
    diskUsedPercent: figure.max(100),
    uptimeSeconds: figure,
    eventLoopDelayMs: figure,
  });
  declareType('machine', schema);
}

/**
 * The text of `lib/config/event-types.ts` with more types. Where the app declares one of them, the new shape replaces its own.
 * @param lines as a user writes them into the list.
 */
export function eventTypesWith(lines: string): string {
  const text = readFileSync(join(root, 'lib/config/event-types.ts'), 'utf8');
  const list = /^export const eventTypes = (\{[\s\S]*?\} as const) ([^;]*;)$/m;
  if (!list.test(text)) throw new Error('the list of types is no longer written as `{ … } as const …`');
  return text
    .replace('import type { z }', 'import { z }')
    .replace(
      list,
      (_, own, rest) =>
        `const ownTypes = ${own};\n\nexport const eventTypes = {\n  ...ownTypes,\n${lines}\n} as const ${rest}`,
    );
}
