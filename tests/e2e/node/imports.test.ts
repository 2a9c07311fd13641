import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../support/root.ts';

/** Parts of the app, and what each may import besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'lib/core': [],
  'lib/config': ['lib/core'],
  'lib/log': ['lib/core'],
  'lib/server': ['lib/config', 'lib/core', 'lib/log'],
  'lib/client': ['lib/config', 'lib/core'],
  app: ['lib/config', 'lib/core', 'lib/server', 'lib/client'],
  'proxy.ts': ['lib/server'],
  'instrumentation.ts': ['lib/server'],
};

/** Packages, and the only files that may import them. Node's own are for every part but core and client. */
const packages: Readonly<Record<string, RegExp>> = {
  '@tanstack/react-virtual': /^app\/_feed\/event-list\.tsx$/,
  '@upstash/redis': /^lib\/log\/redis\/client\.ts$/,
  '@vercel/functions': /^lib\/server\/stream\/deadline\.ts$/,
  // One file for each of the two streams that are read: a feed's, and Redis's announcements.
  'eventsource-parser': /^lib\/(client\/transport\/sse|log\/redis\/subscription)\.ts$/,
  jose: /^lib\/server\/http\/access\.ts$/,
  next: /^(app\/|proxy\.ts$)/,
  react: /^(app\/|lib\/client\/use-feed\.ts$)/,
  swr: /^lib\/client\/use-feed\.ts$/,
  zod: /^lib\/config\/event-types\.ts$/,
};

type Import = { readonly file: string; readonly target: string };

function readImports(): Import[] {
  const files = globSync(['{app,lib}/**/*.{ts,tsx}', 'instrumentation.ts', 'proxy.ts'], { cwd: root });
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const found = text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g);
    return [...found].map(([, specifier = '']) => {
      const isOwn = specifier.startsWith('.');
      return { file, target: isOwn ? relative(root, join(root, dirname(file), specifier)) : specifier };
    });
  });
}

function partOf(path: string): string {
  return Object.keys(allowed).find((part) => path === part || path.startsWith(`${part}/`)) ?? path;
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function isOwnFile(target: string): boolean {
  return /\.(tsx?|css)$/.test(target);
}

/** What is wrong with an import; null when nothing is. */
function faultOf({ file, target }: Import): string | null {
  const from = partOf(file);
  if (isOwnFile(target)) {
    const to = partOf(target);
    return from === to || allowed[from]?.includes(to) ? null : `${file} imports ${target}`;
  }
  if (target.startsWith('node:')) {
    return from === 'lib/core' || from === 'lib/client' || from === 'app'
      ? `${file} imports ${target}`
      : null;
  }
  return packages[packageOf(target)]?.test(file) ? null : `${file} imports ${target}`;
}

describe('imports', () => {
  const imports = readImports();

  test('are found', () => {
    expect(imports.length).toBeGreaterThan(200);
    for (const name of Object.keys(packages)) {
      expect(imports.map(({ target }) => packageOf(target))).toContain(name);
    }
  });

  test('follow core ← log ← server ← app and core ← client ← app, and keep each package in its place', () => {
    expect(imports.map(faultOf).filter((fault) => fault !== null)).toEqual([]);
  });

  test.each([
    { file: 'lib/client/feed.ts', target: 'lib/server/runtime.ts' },
    { file: 'lib/client/feed.ts', target: 'lib/log/event-log.ts' },
    { file: 'lib/core/clock.ts', target: 'lib/log/event-log.ts' },
    { file: 'lib/core/clock.ts', target: 'node:fs' },
    { file: 'lib/log/redis/redis-log.ts', target: 'lib/server/tail/tail.ts' },
    { file: 'lib/server/tail/tail.ts', target: 'app/page.tsx' },
    { file: 'lib/server/tail/tail.ts', target: 'lib/client/connection/reducer.ts' },
    { file: 'lib/server/tail/tail.ts', target: '@upstash/redis' },
    { file: 'lib/client/connection/reducer.ts', target: 'react' },
    { file: 'app/page.tsx', target: 'lib/log/redis/redis-log.ts' },
    { file: 'app/page.tsx', target: 'left-pad' },
  ])('$file may not import $target', (wrong) => {
    expect(faultOf(wrong)).toBe(`${wrong.file} imports ${wrong.target}`);
  });
});
