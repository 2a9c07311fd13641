import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { sessionExample } from '../support/docs/session-example.ts';
import { root } from '../support/root.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

test('the example lets nobody but its user read the channel of a user, also in development without a secret', () => {
  using copy = makeTemporaryFolder();
  cpSync(join(root, 'lib'), join(copy.path, 'lib'), { recursive: true });
  cpSync(join(root, 'package.json'), join(copy.path, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(copy.path, 'node_modules'));
  const { 'lib/config/access.ts': access = '', 'lib/session.ts': session = '' } = sessionExample();
  writeFileSync(join(copy.path, 'lib/config/access.ts'), access);
  writeFileSync(join(copy.path, 'lib/session.ts'), session);
  const script = `
    import { canRead } from './lib/config/access.ts';
    import { sessionCookie } from './lib/session.ts';
    const ask = async (userId, channel) => {
      const cookie = userId === null ? '' : sessionCookie(userId).split(';')[0];
      const request = new Request('http://localhost/', { headers: { cookie } });
      try {
        return (await canRead(request, [channel], async () => 'not-configured')) === 'everyone' ? 'open' : 'own';
      } catch (error) {
        return error.code;
      }
    };
    console.log(JSON.stringify([
      await ask('ann', 'user.ann.job'), await ask('bob', 'user.ann.job'), await ask(null, 'user.ann.job'),
      await ask(null, 'orders'),
    ]));`;
  const answersIn = (NODE_ENV: 'development' | 'production') => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: copy.path,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, NODE_ENV, SESSION_SECRET: 'a secret of 32 characters for tests' },
    });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  };
  expect(answersIn('development')).toEqual(['own', 'forbidden', 'unauthorized', 'open']);
  expect(answersIn('production')).toEqual(['own', 'forbidden', 'unauthorized', 'unauthorized']);
}, 30_000);

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
