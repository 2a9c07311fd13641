import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/root.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** The types that these tests speak of. An app may declare others. */
const declared = `export const eventTypes = {
  machine: z.object({
    load: z.number(),
    memoryUsedPercent: z.number(),
    diskUsedPercent: z.number(),
    uptimeSeconds: z.number(),
    eventLoopDelayMs: z.number(),
  }),
} as const satisfies Record<string, z.ZodType>;`;

/** Compiles the tests of types in a copy of `lib` that declares `types`. @returns what the compiler prints. */
function compile(types: string): string {
  using folder = makeTemporaryFolder();
  for (const part of ['lib', 'tests/support', ...globSync('tests/**/typed-*.test.ts', { cwd: root })])
    cpSync(join(root, part), join(folder.path, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'));
  const file = join(folder.path, 'lib/config/event-types.ts');
  const text = readFileSync(file, 'utf8');
  const list = /^export const eventTypes = \{[\s\S]*?\} as const [^;]*;$/m;
  expect(text, 'the list of types is no longer written as `{ … } as const …`').toMatch(list);
  // Without any type of its own, the file needs only the types of zod.
  writeFileSync(file, text.replace(list, types).replace('import type { z }', 'import { z }'));
  const tsconfig = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const compilerOptions = { ...tsconfig.compilerOptions, incremental: false, plugins: [] };
  const own = { compilerOptions, include: ['tests/**/typed-*.test.ts', 'lib/config/*.ts'] };
  writeFileSync(join(folder.path, 'tsconfig.json'), JSON.stringify(own));
  mkdirSync(join(folder.path, 'app'));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', folder.path],
    { encoding: 'utf8' },
  );
  return stdout + stderr;
}

test('the compiler knows the data of a declared type, where events are read and where they are published', () => {
  expect(compile(declared)).toBe('');
}, 120_000);

test('these tests fail if the type has another shape', () => {
  const printed = compile(declared.replace('load: z.number()', 'load: z.string()'));
  for (const file of ['typed-feed', 'typed-publish', 'typed-read-feed'])
    expect(printed).toContain(`${file}.test.ts`);
}, 120_000);
