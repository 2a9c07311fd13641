import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root } from '../../support/root.ts';
import { endScripts, runScript } from '../../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

afterAll(endScripts);

const names = ['page-light.png', 'page-dark.png'];

/** Width and height of a PNG, from its first chunk. */
const sizeOf = (png: Buffer) => [png.readUInt32BE(16), png.readUInt32BE(20)];

test('npm run picture takes the pictures that the README shows, of the same size and small enough', async () => {
  using folder = makeTemporaryFolder();
  const picture = runScript('tests/picture.ts', ['--seconds', '1', '--folder', folder.path]);
  expect(await picture.code, picture.err()).toBe(0);

  const taken = names.map((name) => readFileSync(join(folder.path, name)));
  const shown = names.map((name) => readFileSync(join(root, 'docs', name)));
  expect(taken[0]?.equals(taken[1] ?? Buffer.alloc(0))).toBe(false);
  for (const [index, png] of shown.entries()) {
    expect(png.length, names[index]).toBeLessThan(250_000);
    expect(sizeOf(png), names[index]).toEqual(sizeOf(taken[index] ?? png));
  }
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  for (const name of names) expect(readme).toContain(`docs/${name}`);
});
