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

test('each dependency has its reason, and nothing else has one', () => {
  const { dependencies, devDependencies } = readManifest(root);
  const wanted = [...Object.keys(dependencies), ...Object.keys(devDependencies)];

  const list = readList();

  expect([...list.keys()].toSorted()).toEqual(wanted.toSorted());
  for (const [name, cells] of list) expect(cells.filter(Boolean), name).toHaveLength(5);
});

test('each licence is the one that is installed', () => {
  for (const [name, [, , licence]] of readList()) {
    expect(readManifest(`${root}/node_modules/${name}`).license, name).toBe(licence);
  }
});
