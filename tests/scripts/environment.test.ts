import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PublishServer, startPublishServer } from '../support/scripts/publish-server.ts';
import { endScripts, runScript } from '../support/scripts/script-process.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const folder = makeTemporaryFolder();
let server: PublishServer;
let folders = 0;
beforeAll(async () => {
  server = await startPublishServer();
});
afterEach(endScripts);
afterAll(async () => {
  await server.close();
  folder[Symbol.dispose]();
});

/** The token that `npm run push` sends, in a folder with these files. */
async function tokenFrom(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  folders += 1;
  const cwd = join(folder.path, String(folders));
  mkdirSync(cwd);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  const script = runScript('push', ['--url', server.url, 'hi'], { ...env }, cwd);
  if ((await script.code) !== 0) throw new Error(script.err());
  return server.requests.at(-1)?.token?.replace('Bearer ', '');
}

describe('a script reads .env.local as Next does', () => {
  test.each([
    ['a bare value', 'PUBLISH_TOKEN=one', 'one'],
    ['a comment after it', 'PUBLISH_TOKEN=one # the first', 'one'],
    ['double quotes', 'PUBLISH_TOKEN="one#two"', 'one#two'],
    ['single quotes', "PUBLISH_TOKEN='one\"two'", 'one"two'],
    ['a variable', 'NAME=one\nPUBLISH_TOKEN=$NAME-two', 'one-two'],
    ['a variable in braces', `NAME=one\nPUBLISH_TOKEN="$\{NAME}two"`, 'onetwo'],
    ['a variable in single quotes', "NAME=one\nPUBLISH_TOKEN='$NAME'", 'one'],
    ['a default', `PUBLISH_TOKEN=$\{NO_SUCH_NAME:-one}`, 'one'],
    ['a $ that is escaped', 'NAME=one\nPUBLISH_TOKEN=a\\$NAME', 'a$NAME'],
    ['the word export', 'export PUBLISH_TOKEN=one', 'one'],
    ['line ends of Windows', 'PUBLISH_TOKEN=one\r\nFEED_DB=two\r\n', 'one'],
  ])('with %s', async (_, text, token) => {
    expect(await tokenFrom({ '.env.local': text })).toBe(token);
  });
});

describe('the first of these files that sets a variable wins', () => {
  const settings = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, `PUBLISH_TOKEN=${name}`]));

  test.each(['development', 'production'] as const)('in %s', async (mode) => {
    const other = mode === 'development' ? 'production' : 'development';
    const order = [`.env.${mode}.local`, '.env.local', `.env.${mode}`, '.env'];
    const ignored = settings([`.env.${other}.local`, `.env.${other}`]);
    for (const [index, first] of order.entries()) {
      const files = { ...settings(order.slice(index)), ...ignored };
      expect(await tokenFrom(files, { NODE_ENV: mode })).toBe(first);
    }
  });

  test('unless the environment sets it', async () => {
    const files = settings(['.env.local', '.env']);
    expect(await tokenFrom(files, { PUBLISH_TOKEN: 'own' })).toBe('own');
  });
});
