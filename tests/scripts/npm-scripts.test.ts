import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { commandArguments } from '../../scripts/command-line.ts';
import { root } from '../support/root.ts';
import { runScript } from '../support/scripts/script-process.ts';
import { templateScripts } from '../support/scripts/template-scripts.ts';

const check = './lib/server/node/check-node.mjs';
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const scripts = Object.entries(manifest.scripts).filter(([name]) => templateScripts.includes(name));
const lasting = scripts.filter(([name]) => !['build', 'lint'].includes(name));

describe('the scripts of package.json', () => {
  test.each(lasting)('%s replaces the shell, which would not pass SIGTERM on', (_, command) => {
    expect(command.split(' && ').at(-1)).toMatch(/^exec (next|node) /);
  });

  test.each(scripts.filter(([, command]) => command.includes('.ts')))(
    '%s checks the version of Node before it loads TypeScript',
    (_, command) => {
      expect(command).toMatch(
        /(^|&& )exec node --import \.\/lib\/server\/node\/check-node\.mjs (scripts|tests)\/[a-z/-]+\.ts( |$)/,
      );
    },
  );
});

describe('the -- that pnpm and Yarn 2 pass on', () => {
  const ours = lasting.flatMap(([name, command]) => {
    const file = / ((?:scripts|tests)\/\S+\.ts)$/.exec(command)?.[1];
    // `npm test` hands its arguments to Vitest.
    return file === undefined || file === 'tests/run.ts' ? [] : [[name, file] as const];
  });

  test.each(ours)('is dropped by %s', async (_, file) => {
    const agent = { npm_config_user_agent: 'pnpm/12.21.0 npm/? node/v24.21.0 linux x64' };
    const script = runScript(file, ['--', '--help'], agent);
    expect(await script.code).toBe(0);
    expect(script.err()).toBe('');
    expect(script.out()).not.toBe('');
  });

  test.each([
    ['pnpm/12.21.0 npm/? node/?', ['--', 'hello'], ['hello']],
    ['yarn/4.18.1 npm/? node/?', ['--', '--', '-5'], ['--', '-5']],
    ['pnpm/12.21.0 npm/? node/?', ['hello', '--', '-5'], ['hello', '--', '-5']],
    // These drop the first one themselves: this one is the user's, before a text that begins with "-".
    ['npm/11.19.1 node/?', ['--', '-5'], ['--', '-5']],
    ['yarn/1.22.22 npm/? node/?', ['--', '-5'], ['--', '-5']],
    ['bun/1.4.5 npm/? node/?', ['--', '-5'], ['--', '-5']],
    [undefined, ['--', '-5'], ['--', '-5']],
  ])('with %s, %j are the arguments %j', (agent, given, read) => {
    expect(commandArguments(['node', 'push', ...given], { npm_config_user_agent: agent })).toEqual(read);
  });
});

describe('the check of the version of Node', () => {
  /** Runs a program after the check, on a Node that claims to have `version`. */
  function runOn(version: string) {
    const versions = JSON.stringify({ ...process.versions, node: version });
    const pretend = `data:text/javascript,Object.defineProperty(process,'versions',{value:${versions}})`;
    const args = ['--import', pretend, '--import', check, '--eval', 'console.log("runs")'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    return { status, stdout, stderr };
  }

  test.each(['18.20.8', '20.20.2', '22.17.1'])('refuses %s before anything else is loaded', (version) => {
    expect(runOn(version)).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(
        new RegExp(`^steadfeed: This is Node ${version}, but the app needs Node 22.18 or newer\\..*\n$`),
      ),
    });
  });

  test.each(['22.18.0', '24.0.0', '26.10.0', '100.0.0'])('accepts %s', (version) => {
    expect(runOn(version)).toEqual({ status: 0, stdout: 'runs\n', stderr: '' });
  });
});

describe('exec, for a package manager whose own shell has none', () => {
  const start = (program: string) =>
    spawn(process.execPath, ['scripts/exec.mjs', process.execPath, '--eval', program], { cwd: root });

  test('ends as the command ends', async () => {
    expect(await once(start('process.exit(7)'), 'close')).toEqual([7, null]);
    expect(await once(start('process.kill(process.pid, "SIGKILL")'), 'close')).toEqual([137, null]);
  });

  test('passes SIGTERM on, and waits for the command', async () => {
    const child = start(
      'process.on("SIGTERM", () => setTimeout(() => process.exit(3), 100)); setInterval(() => {}, 1e6); console.log("ready")',
    );
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([3, null]);
  });

  test('names a command that cannot be found', () => {
    const args = ['scripts/exec.mjs', 'no-such-program'];
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect(status).toBe(127);
    expect(stderr).toContain('no-such-program');
  });
});
