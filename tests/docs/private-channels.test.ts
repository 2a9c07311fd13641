import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { sessionExample } from '../support/docs/session-example.ts';
import { root } from '../support/root.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

test('the files of the example for sessions pass the lint of the app', () => {
  const files = Object.entries(sessionExample());
  using copy = makeTemporaryFolder();
  cpSync(join(root, 'biome.json'), join(copy.path, 'biome.json'));
  for (const [path, text] of files) {
    mkdirSync(dirname(join(copy.path, path)), { recursive: true });
    writeFileSync(join(copy.path, path), text);
  }
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [biome, 'check', '--vcs-enabled=false', '.'],
    {
      cwd: copy.path,
      encoding: 'utf8',
    },
  );
  expect([status, stdout + stderr]).toEqual([
    0,
    expect.stringContaining(`Checked ${files.length + 1} files`),
  ]);
}, 30_000);
