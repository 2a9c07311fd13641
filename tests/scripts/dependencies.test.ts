import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { root } from '../support/root.ts';

type Manifest = Readonly<
  Record<
    'dependencies' | 'devDependencies' | 'allowScripts' | 'overrides' | 'resolutions',
    Record<string, unknown>
  >
> & {
  readonly license: string;
  readonly trustedDependencies: readonly string[];
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

/** The lines of a setting of `pnpm-workspace.yaml`, as an object. */
function readPnpmSetting(name: string): unknown {
  const text = readFileSync(`${root}/pnpm-workspace.yaml`, 'utf8');
  const lines = new RegExp(`^${name}:\\n((?:  .*\\n)+)`, 'm').exec(text)?.[1]?.trimEnd().split('\n') ?? [];
  return Object.fromEntries(lines.map((line) => line.trim().split(': ')));
}

test('one package may run a script when it is installed, whatever installs it', () => {
  const { allowScripts, trustedDependencies } = readManifest(root);
  expect(allowScripts).toEqual({ node: true });
  expect(readPnpmSetting('allowBuilds')).toEqual({ node: 'true' });
  expect(trustedDependencies).toEqual(['node']);
});

test('every package manager replaces the zod of other packages by the template’s own', () => {
  const { dependencies, overrides, resolutions } = readManifest(root);
  const own = { zod: dependencies.zod };
  expect(overrides).toEqual({ zod: '$zod' });
  expect(readPnpmSetting('overrides')).toEqual(own);
  expect(resolutions).toEqual(own);
});
