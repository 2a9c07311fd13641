import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appVariable, root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

const folder = makeTemporaryFolder();
const app = join(folder.path, 'my-feed');
afterAll(() => folder[Symbol.dispose]());

const stepMs = 900_000;

/** The tests of the protocol that start the app as its users do, and ask it over HTTP. */
const wireContract = [
  'publish-requests',
  'refusals',
  'foreign-readers',
  'shared-polls',
  'token-expiry',
  'stopping',
];

/** The variables that the tests that run now have set. */
const ofTheseTests = /^(VITEST|STEADFEED_|TEST$|DEV$|PROD$|MODE$|NODE_ENV$|INIT_CWD$)/;

/** The environment of a user. */
function environment(own: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => ofTheseTests.test(name));
  const unset = Object.fromEntries(names.map((name) => [name, undefined]));
  return { ...process.env, ...unset, NEXT_TELEMETRY_DISABLED: '1', ...own };
}

/** Runs a command. @returns what it printed. @throws Error with that, unless it ends with 0. */
async function run(
  cwd: string,
  env: NodeJS.ProcessEnv,
  command: string,
  ...args: readonly string[]
): Promise<string> {
  // Its own process group: what it has started ends with it.
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of the group has ended.
    }
  };
  const timer = setTimeout(end, stepMs);
  process.once('exit', end);
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  process.off('exit', end);
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${printed.slice(-20_000)}`);
  return printed;
}

/** Runs npm in the new app, as its user does. */
const npm = (...args: readonly string[]) => run(app, environment(), 'npm', ...args);

// Each test needs the ones before it.
describe('a new app of npm run new', () => {
  beforeAll(() => run(root, environment(), 'npm', 'run', 'new', '--', app), stepMs);

  test(
    'is installed by npm ci, and its lock file is the one that npm writes',
    async () => {
      await npm('ci', '--prefer-offline', '--no-audit', '--no-fund');
      const lock = readFileSync(join(app, 'package-lock.json'), 'utf8');
      await npm('install', '--package-lock-only', '--prefer-offline', '--no-audit', '--no-fund');
      expect(readFileSync(join(app, 'package-lock.json'), 'utf8')).toBe(lock);
    },
    stepMs,
  );

  test(
    'is built, and shows the demo of its README',
    async () => {
      await npm('run', 'build');
      expect(await npm('run', 'demo', '--', '--port', '0', '--seconds', '2')).toMatch(
        /http:\/\/localhost:\d+\n.*-\d+\n/s,
      );
    },
    stepMs,
  );

  test(
    'passes its lint, its types and its tests',
    async () => {
      await npm('run', 'lint');
      // These search the rules for hours of events. They name no file but that of the rules, and `npm test` has just run them.
      const searches = [
        'tests/**/*-walk.test.ts',
        'tests/server/core-promise.test.ts',
        'tests/server/idle-cost.test.ts',
      ];
      const printed = await npm('test', '--', ...searches.map((pattern) => `--exclude=${pattern}`));
      expect(Number(/^(\d+) passed, 0 failed$/m.exec(printed)?.[1]), printed.slice(-2_000)).toBeGreaterThan(
        1_000,
      );
    },
    stepMs,
  );

  test(
    'keeps the protocol',
    async () => {
      const files = wireContract.map((name) => `tests/e2e/node/${name}.test.ts`);
      const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'tests/vitest.config.ts'];
      const env = environment({ [appVariable]: app, STEADFEED_TEST_EXTENT: 'chosen' });
      const printed = await run(root, env, process.execPath, ...vitest, '--project=node*', ...files);
      expect(printed).toMatch(new RegExp(`Test Files .*${files.length} passed`));
    },
    stepMs,
  );

  test(
    'gives every reader every event once, in order, through 30 s of chaos',
    async () => {
      const chaos = [
        'tests/proof/chaos.ts',
        '--app',
        app,
        '--seconds',
        '30',
        '--seed',
        '1',
        '--readers',
        '24',
        '--no-browser',
      ];
      const json = join(folder.path, 'figures.json');
      await run(root, environment(), process.execPath, ...chaos, '--json', json);
      const figures = JSON.parse(readFileSync(json, 'utf8'));
      expect(figures.violations).toBe(0);
      expect(figures.deliveries).toBeGreaterThan(100);
    },
    stepMs,
  );

  test(
    'still compiles, passes its tests and is built without all that its README lets you delete',
    async () => {
      const readme = readFileSync(join(app, 'README.md'), 'utf8');
      const rows = [...(readme.split('## What you may delete')[1] ?? '').matchAll(/^\| .* \| (`.*) \|$/gm)];
      const paths = rows.flatMap(([, cell = '']) =>
        [...cell.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path),
      );
      expect(paths.length).toBeGreaterThan(15);
      for (const path of paths) rmSync(join(app, path), { recursive: true });
      edit('lib/config/event-types.ts', /^(export const eventTypes = )\{[\s\S]*?\}( as const)/m, '$1{}$2');
      edit('package.json', /^ {4}"(demo|token)": .*\n/gm, '');
      await npm('exec', '--', 'biome', 'check', '--write', 'lib');
      await npm('run', 'lint');
      const projects = ['core', 'scripts'].flatMap((name) => ['--project', name]);
      expect(await npm('test', '--', ...projects)).toMatch(/^\d+ passed, 0 failed$/m);
      await npm('run', 'build');
    },
    stepMs,
  );
});

/** Changes a file of the new app. */
function edit(file: string, pattern: RegExp, replacement: string): void {
  const text = readFileSync(join(app, file), 'utf8');
  expect(text, file).toMatch(pattern);
  writeFileSync(join(app, file), text.replace(pattern, replacement));
}
