import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { root } from '../support/root.ts';

type Manifest = Readonly<Record<'dependencies' | 'devDependencies', Record<string, unknown>>> & {
  readonly license: string;
};

function readManifest(folder: string): Manifest {
  return createRequire(import.meta.url)(`${folder}/package.json`);
}

/** The rows of the list, by package: does, page, licence, why not by hand, why not another. */
function readList(): ReadonlyMap<string, readonly string[]> {
  const text = readFileSync(`${root}/docs/dependencies.md`, 'utf8');
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)];
  return new Map(rows.map(([, name = '', cells = '']) => [name, cells.split(' | ')]));
}

// An app adds packages of its own. `tests/e2e/node/template.test.ts` holds the list complete for the template.
test('each package of the list is a dependency, and has its reason', () => {
  const { dependencies, devDependencies } = readManifest(root);
  const installed = { ...dependencies, ...devDependencies };

  for (const [name, cells] of readList()) {
    expect(installed, name).toHaveProperty([name]);
    expect(cells.filter(Boolean), name).toHaveLength(5);
  }
});

test('each licence is the one that is installed', () => {
  for (const [name, [, , licence]] of readList()) {
    expect(readManifest(`${root}/node_modules/${name}`).license, name).toBe(licence);
  }
});
