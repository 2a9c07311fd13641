import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** `if imported`: a copied file imports it, directly or through others. */
type Choice = 'copy' | 'leave' | 'if imported';

/**
 * Which files of the template belong to a new app. The longest path that a file is, or is in, decides. The template's tests
 * refuse a file without a choice.
 */
const choices: Readonly<Record<string, Choice>> = {
  app: 'copy',
  lib: 'copy',
  public: 'copy',
  'instrumentation.ts': 'copy',
  'proxy.ts': 'copy',
  'next.config.mjs': 'copy',
  'tsconfig.json': 'copy',
  'biome.json': 'copy',
  'vercel.json': 'copy',
  Dockerfile: 'copy',
  '.dockerignore': 'copy',
  'compose.yaml': 'copy',
  'compose.three.yaml': 'copy',
  'compose.three.nginx.conf': 'copy',
  '.env.example': 'copy',
  '.gitignore': 'copy',
  '.yarnrc': 'copy',
  '.yarnrc.yml': 'copy',
  'pnpm-workspace.yaml': 'copy',
  'exec.cmd': 'copy',
  'AGENTS.md': 'copy',
  'CLAUDE.md': 'copy',
  'SECURITY.md': 'copy',
  // It must stay with the code that it covers.
  LICENSE: 'copy',
  // These three are written anew.
  'package.json': 'leave',
  'package-lock.json': 'leave',
  'README.md': 'leave',
  // The life of the template itself.
  '.ci': 'leave',
  '.github': 'leave',
  'CHANGELOG.md': 'leave',
  'CONTRIBUTING.md': 'leave',

  scripts: 'copy',
  'scripts/new': 'leave',
  'scripts/new.ts': 'leave',

  docs: 'copy',
  'docs/decisions.md': 'leave',
  'docs/dependencies.md': 'leave',
  'docs/performance.md': 'leave',
  'docs/reliability.md': 'leave',
  'docs/scale.md': 'leave',
  'docs/page-dark.png': 'leave',
  'docs/page-light.png': 'leave',

  'tests/tsconfig.json': 'copy',
  'tests/vitest.config.ts': 'copy',
  'tests/run.ts': 'copy',
  'tests/run': 'copy',
  'tests/picture.ts': 'leave',
  'tests/picture': 'leave',
  'tests/run/test-setup.test.ts': 'leave',
  'tests/app': 'copy',
  'tests/config': 'copy',
  'tests/core': 'copy',
  'tests/log': 'copy',
  'tests/server': 'copy',
  'tests/client': 'copy',
  'tests/scripts': 'copy',
  'tests/scripts/new.test.ts': 'leave',
  'tests/support': 'if imported',
  // They hold the documents equal to the code, run real processes, and prove the engine.
  'tests/docs': 'leave',
  'tests/e2e': 'leave',
  'tests/proof': 'leave',
};

/** The choice for a file; null: none is made. @param path its path in the template, with `/`. */
export function choiceFor(path: string): Choice | null {
  for (let part = path; part !== '.'; part = dirname(part)) {
    const choice = choices[part];
    if (choice !== undefined) return choice;
  }
  return null;
}

/**
 * The files of a new app, as paths in the template. A file without a choice is one that you added to your clone of the
 * template: it is copied.
 */
export function copiedFiles(template: string): readonly string[] {
  const files = filesIn(template);
  const copied = new Set(files.filter((file) => (choiceFor(file) ?? 'copy') === 'copy'));
  const offered = new Set(files.filter((file) => choiceFor(file) === 'if imported'));
  const waiting = [...copied];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    for (const target of importedBy(template, file)) {
      if (!offered.delete(target)) continue;
      copied.add(target);
      waiting.push(target);
    }
  }
  return [...copied].sort();
}

/** The files that a file names by a relative path: in an import, or in `new URL('./child.ts', import.meta.url)`. */
function importedBy(template: string, file: string): readonly string[] {
  if (!isCode(file)) return [];
  const text = readFileSync(join(template, file), 'utf8');
  return [...text.matchAll(/'(\.\.?\/[^'\s]+)'/g)].map(([, target = '']) =>
    normalize(join(dirname(file), target)).replaceAll('\\', '/'),
  );
}

/** Whether a file is a program, by its name. */
export function isCode(file: string): boolean {
  return /\.(tsx?|mjs)$/.test(file);
}

/** Every file of the template, without what `.gitignore` names and without secrets. */
export function filesIn(template: string): readonly string[] {
  const isIgnored = readIgnored(readFileSync(join(template, '.gitignore'), 'utf8'));
  const visit = (folder: string): string[] =>
    readdirSync(join(template, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.name === '.git' || isSecret(entry.name) || isIgnored(path)) return [];
      if (entry.isDirectory()) return visit(path);
      return entry.isFile() ? [path] : [];
    });
  return visit('');
}

/** An environment file may have secrets, even one that Git keeps. */
function isSecret(name: string): boolean {
  return name.startsWith('.env') && name !== '.env.example';
}

/** Reads the lines of a `.gitignore` that are names or paths, with `*`. A line that begins with `!` has no effect. */
function readIgnored(text: string): (path: string) => boolean {
  const lines = text.split('\n').map((line) => line.trim().replace(/\/$/, ''));
  const patterns = lines
    .filter((line) => /^[^#!]/.test(line))
    .map((line) => {
      const escaped = line.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*');
      return line.includes('/') ? `^${escaped.replace(/^\//, '')}$` : `(^|/)${escaped}$`;
    });
  const ignored = new RegExp(patterns.join('|'));
  return (path) => patterns.length > 0 && ignored.test(path);
}
