import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyApp, nextCommand, runAppBy, startAppBy } from '../../support/node/app-process.ts';
import { ask } from '../../support/node/ask.ts';
import { downloadNode } from '../../support/node/node-release.ts';
import { secrets } from '../../support/node/secrets.ts';
import { openSse } from '../../support/node/sse-reader.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const majors = [20, 22, 26] as const;
const folder = makeTemporaryFolder();
const programs = new Map<number, string>();

beforeAll(async () => {
  await Promise.all(
    majors.map(async (major) => {
      const own = join(folder.path, String(major));
      mkdirSync(own);
      programs.set(major, await downloadNode(major, own));
    }),
  );
});
afterAll(() => folder[Symbol.dispose]());

const nodeOf = (major: number) => programs.get(major) ?? '';

const refusal = /^steadfeed: This is Node 20\.\d+\.\d+, but the app needs Node 22\.18 or newer\..*\n$/;

/** The settings with which Next skips `next.config.mjs`, as the server of `output: 'standalone'` does. */
function standalone(): Record<string, string> {
  const built = JSON.parse(readFileSync(join(root, '.next/required-server-files.json'), 'utf8'));
  return { __NEXT_PRIVATE_STANDALONE_CONFIG: JSON.stringify(built.config) };
}

describe.concurrent('a Node that is too old', () => {
  test.each([
    ['of the configuration', () => ({})],
    ['of a standalone server', standalone],
  ])('ends the server with one line and 1, at the start %s', async (_, env) => {
    const { code, stderr } = await runAppBy({ ...nextCommand(nodeOf(20), 'start', 0), env: env() });
    expect(code).toBe(1);
    expect(stderr).toMatch(refusal);
  });

  test('ends next dev and next build with one line', async () => {
    using copy = copyApp();
    const dev = nextCommand(nodeOf(20), 'dev', 0);
    const build = { command: nodeOf(20), args: [dev.args[0] ?? '', 'build'] };
    for (const launch of [dev, build]) {
      const { code, stderr } = await runAppBy({ ...launch, cwd: copy.path });
      expect(code).toBe(1);
      expect(stderr).toMatch(refusal);
    }
  });

  test('ends a script with one line', async () => {
    const { code, stderr } = await runScriptOn(nodeOf(20), 'push', ['hello']);
    expect(code).toBe(1);
    expect(stderr).toMatch(refusal);
  });
});

describe.concurrent.each([22, 26])('Node %i', (major) => {
  test('runs the app and its scripts: publish, stream, poll, handover at the end', async () => {
    // Node 22 warns that its SQLite is experimental. The app must print no other warning.
    const env = { NODE_OPTIONS: '--disable-warning=ExperimentalWarning' };
    await using app = await startAppBy({ ...nextCommand(nodeOf(major), 'start', 0), env });
    using reader = await openSse(app);
    await reader.frame('hello');
    const pushed = await runScriptOn(nodeOf(major), 'push', ['--url', app.url, 'one']);
    expect(pushed).toMatchObject({ code: 0, stderr: expect.stringContaining('1 event stored') });
    expect((await reader.frame('message')).data).toContain('"one"');
    expect(JSON.parse((await ask(app, '/api/events?rewind=1')).text).events).toMatchObject([{ data: 'one' }]);
    app.kill('SIGTERM');
    await reader.frame('handover');
    expect(await app.ended).toEqual({ code: 143, signal: null });
  });
});

/** Runs a script as `npm run` does, by another Node. */
function runScriptOn(
  node: string,
  name: string,
  args: readonly string[],
): Promise<{ readonly code: unknown; readonly stderr: string }> {
  const command = ['--import', './lib/server/node/check-node.mjs', `scripts/${name}.ts`, ...args];
  const env = { ...process.env, PUBLISH_TOKEN: secrets.publishToken };
  return new Promise((resolve) => {
    execFile(node, command, { cwd: root, env }, (error, _, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
  });
}
