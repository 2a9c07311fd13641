import { execFile } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appSources } from '../../../scripts/build-app.ts';
import { root } from '../../support/root.ts';
import { startPublishServer } from '../../support/scripts/publish-server.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const run = promisify(execFile);
const project = makeTemporaryFolder();

/** Runs pnpm in the copy of the project. @throws Error with its output, unless it ends with 0. */
async function pnpm(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, CI: '1', NEXT_TELEMETRY_DISABLED: '1' };
  const command = ['--yes', '--prefer-offline', 'pnpm@12', ...args];
  const { stdout, stderr } = await run('npx', command, { cwd: project.path, env, timeout: 240_000 });
  return stdout + stderr;
}

beforeAll(async () => {
  for (const source of [...appSources, 'scripts', 'pnpm-workspace.yaml'])
    cpSync(join(root, source), join(project.path, source), { recursive: true });
  rmSync(join(project.path, 'package-lock.json'));
  await pnpm('install', '--no-frozen-lockfile');
}, 300_000);
afterAll(() => project[Symbol.dispose]());

describe('the newest pnpm', () => {
  test('installs the Node of the template, and one zod', async () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const node = await run(join(project.path, 'node_modules/.bin/node'), ['--version']);
    expect(node.stdout).toBe(`v${devDependencies.node}\n`);

    const lock = readFileSync(join(project.path, 'pnpm-lock.yaml'), 'utf8');
    expect(new Set(lock.match(/^ {2}zod@[\d.]+/gm))).toHaveLength(1);
  });

  test('runs the push script, and its -- reaches nobody', async () => {
    const server = await startPublishServer();
    const printed = await pnpm('run', 'push', '--', 'hello', '--url', server.url);
    await server.close();
    expect(printed).toContain('1 event stored');
    expect(server.stored).toMatchObject([{ data: 'hello' }]);
  });

  test('builds the app and runs the demo', async () => {
    expect(await pnpm('demo', '--port', '0', '--seconds', '2')).toMatch(/http:\/\/localhost:\d+\n.*-\d+\n/s);
  }, 240_000);
});
