import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventTypesWith } from '../support/declared-type.ts';
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
  'order.created': z.object({ id: z.number() }),
} as const satisfies Record<string, z.ZodType>;`;

const eventTypesFile = 'lib/config/event-types.ts';

/** A copy of `parts` of the app, with its packages, that declares other event types. */
function copyWith(parts: readonly string[], types: string): ReturnType<typeof makeTemporaryFolder> {
  const folder = makeTemporaryFolder();
  for (const part of parts) cpSync(join(root, part), join(folder.path, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'));
  // Next writes this file into an app that it runs. A fresh clone has none.
  writeFileSync(join(folder.path, 'next-env.d.ts'), '/// <reference types="next" />\n');
  writeFileSync(join(folder.path, eventTypesFile), types);
  return folder;
}

/** Compiles a project. @returns what the compiler prints. */
function compile(folder: string): string {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [tsc, '--noEmit', '--incremental', 'false', '-p', folder],
    {
      encoding: 'utf8',
    },
  );
  return stdout + stderr;
}

/** Compiles the tests of types in a copy of `lib` that declares `types`. @returns what the compiler prints. */
function compileTyped(types: string): string {
  const text = readFileSync(join(root, eventTypesFile), 'utf8');
  const list = /^export const eventTypes = \{[\s\S]*?\} as const [^;]*;$/m;
  expect(text, 'the list of types is no longer written as `{ … } as const …`').toMatch(list);
  // Without any type of its own, the file needs only the types of zod.
  const own = text.replace(list, types).replace('import type { z }', 'import { z }');
  const tests = globSync('tests/**/typed-*.test.ts', { cwd: root });
  using folder = copyWith(['lib', 'tests/support', ...tests], own);
  const tsconfig = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const compilerOptions = { ...tsconfig.compilerOptions, incremental: false, plugins: [] };
  const include = ['next-env.d.ts', 'tests/**/typed-*.test.ts', 'lib/config/*.ts'];
  writeFileSync(join(folder.path, 'tsconfig.json'), JSON.stringify({ compilerOptions, include }));
  mkdirSync(join(folder.path, 'app'));
  return compile(folder.path);
}

/** The event types that the documents use in their examples. */
function documentedTypes(): readonly string[] {
  const text = globSync(['README.md', 'docs/*.md'], { cwd: root })
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n');
  const places = /(?:\bpublish\(|\btypes?: \[?|"type": ?|--type )['"]?([a-z][a-z.]*\b)(?!:)/g;
  const declarations = /^ {0,2}'?([a-z][a-z.]*)'?: z\.object/gm;
  const found = [places, declarations].flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, type = '']) => type),
  );
  // The demo uses `machine`. An app that changes this type must change the demo too.
  return [...new Set(found)].filter((type) => type !== 'machine');
}

test('the compiler knows the data of a declared type, where events are read and where they are published', () => {
  expect(compileTyped(declared)).toBe('');
}, 300_000);

test('these tests fail if the type has another shape', () => {
  const printed = compileTyped(declared.replace('load: z.number()', 'load: z.string()'));
  for (const file of ['typed-feed', 'typed-publish', 'typed-read-feed'])
    expect(printed).toContain(`${file}.test.ts`);
}, 300_000);

test('all tests compile in an app whose types have the names of the documents’ examples, and other shapes', () => {
  const names = documentedTypes();
  expect(names).toContain('order.created');
  const lines = names.map((name) => `  '${name}': z.object({ ofAnotherShape: z.string() }),`);
  const left = ['node_modules', '.git', '.next', '.data', 'dist', 'docs', 'next-env.d.ts'];
  const parts = readdirSync(root).filter((name) => !left.includes(name));
  using folder = copyWith(parts, eventTypesWith(lines.join('\n')));
  const printed = compile(join(folder.path, 'tests')).split('\n');
  // The app's own files use the shapes that the app declares.
  const isOfApp = (line: string) => /^\S*\bapp\/\S+\(\d+,\d+\): error/.test(line) && !line.includes('tests/');
  expect(printed.filter((line) => line.includes('error TS') && !isOfApp(line))).toEqual([]);
}, 300_000);
