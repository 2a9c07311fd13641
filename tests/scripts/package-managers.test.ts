import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/root.ts';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Readonly<
  Record<'dependencies' | 'allowScripts' | 'overrides' | 'resolutions', Record<string, unknown>>
> & { readonly trustedDependencies: readonly string[] };

/** The lines of a setting of `pnpm-workspace.yaml`, as an object. */
function readPnpmSetting(name: string): unknown {
  const text = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const lines = new RegExp(`^${name}:\\n((?:  .*\\n)+)`, 'm').exec(text)?.[1]?.trimEnd().split('\n') ?? [];
  return Object.fromEntries(lines.map((line) => line.trim().split(': ')));
}

test('the package node may run its script when it is installed, whatever installs it', () => {
  const { allowScripts, trustedDependencies } = manifest;
  expect(allowScripts).toMatchObject({ node: true });
  expect(readPnpmSetting('allowBuilds')).toMatchObject({ node: 'true' });
  expect(trustedDependencies).toContain('node');
});

test('every package manager replaces the zod of other packages by the template’s own', () => {
  const { dependencies, overrides, resolutions } = manifest;
  const own = { zod: dependencies.zod };
  expect(overrides).toMatchObject({ zod: '$zod' });
  expect(readPnpmSetting('overrides')).toMatchObject(own);
  expect(resolutions).toMatchObject(own);
});
