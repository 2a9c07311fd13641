import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { buildOnce, isFresh } from '../scripts/build-app.ts';
import { commandArguments } from '../scripts/command-line.ts';
import {
  type Extent,
  extentVariable,
  quickSuites,
  readNeeds,
  suitesWithTests,
  testsOf,
  withTimedProjects,
} from './run/suites.ts';
import { countTests, runTimes, vitestReport } from './run/test-result.ts';
import { findMissing, planInstall, readDistribution, searchPath, type Tool } from './run/tools.ts';
import { root } from './support/root.ts';

const reportFile = join(root, 'test-results/vitest.json');
const summaryFile = join(root, 'test-results/summary.txt');

/** Chooses the suites that run in the test process: they need no build and no browser. */
const quick = suitesWithTests(quickSuites).flatMap(([name]) => ['--project', name]);

const given = commandArguments().flatMap((arg) => (arg === '--quick' ? quick : [arg]));
const args = given.filter((arg) => arg !== '--all' && arg !== '--rest' && arg !== '--nightly');
/** Whether the arguments choose some tests. Else the run is `npm test` or `npm run test:all`. */
const isChosen = args.length > 0;
const named = (['all', 'rest', 'nightly'] as const).find((each) => given.includes(`--${each}`));
const extent: Extent = isChosen ? 'chosen' : (named ?? 'main');
const path = searchPath(process.env.PATH);
const needs = readNeeds(args, extent);
const startedAt = Date.now();
const say = (text: string) => console.log(text);

/** Ends the run with the reason. */
function fail(reason: string): never {
  console.error(`test: ${reason}`);
  process.exit(1);
}

/** Installs the missing tools where that is safe, or prints the command that installs them. */
function provide(tools: readonly Tool[]): void {
  const missing = findMissing(tools, path);
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.commands[0]).join(', ');
  const { platform } = process;
  const osRelease = platform === 'linux' ? readFileSync('/etc/os-release', 'utf8') : '';
  const isRoot = process.getuid?.() === 0;
  const install = planInstall(missing, { platform, distribution: readDistribution(osRelease), isRoot });
  if (install.kind === 'tell') fail(`${names} not found. To install:\n\n  ${install.command}\n`);
  say(`${names} not found; installing: ${install.command}`);
  // The tests start their own servers. RUNLEVEL keeps Debian from starting one on its usual port.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const { status } = spawnSync('sh', ['-c', install.command], { stdio: 'inherit', env });
  if (status !== 0 || findMissing(tools, path).length > 0) fail(`${names} could not be installed`);
}

async function build(): Promise<void> {
  if (isFresh()) return;
  say('Building the app for the tests that run it…');
  await buildOnce().catch((cause: unknown) => fail(cause instanceof Error ? cause.message : String(cause)));
}

function runVitest(): Promise<number | null> {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = args.some((arg) => arg.startsWith('--reporter')) ? [] : ['--reporter=default'];
  const own = ['--reporter=json', `--outputFile.json=${reportFile}`];
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--config', 'tests/vitest.config.ts', ...reporters, ...own, ...withTimedProjects(args)],
    { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path, [extentVariable]: extent } },
  );
  return new Promise((resolve) => child.once('close', resolve));
}

/** Prints how long the run took, which tests it left out, and `N passed, N failed`. Returns the exit code. */
function conclude(exitCode: number | null): number {
  if (!existsSync(reportFile)) fail('vitest ended without a report');
  const report = vitestReport.parse(JSON.parse(readFileSync(reportFile, 'utf8')));
  const files = isChosen ? null : testsOf(extent);
  const expected = files?.map((file) => join(root, file)) ?? null;
  const { passed, failed, notRun } = countTests(report, expected, exitCode);
  for (const what of notRun) say(what.replace(root, ''));
  if (files !== null) reportExtent(files, report);
  // The rest completes `npm test`: the count is that of both.
  const before = extent === 'rest' ? earlier : { passed: 0, failed: 0 };
  const summary = `${before.passed + passed} passed, ${before.failed + failed} failed`;
  if (!isChosen) writeFileSync(summaryFile, `${summary}\n`);
  say(summary);
  return failed === 0 ? 0 : 1;
}

function reportExtent(files: readonly string[], report: Parameters<typeof runTimes>[0]): void {
  const every = testsOf('all');
  const leftOut = extent === 'main' ? every.filter((file) => !files.includes(file)) : [];
  const slowest = runTimes(report).slice(0, 5);
  say(
    `\nSlowest files: ${slowest.map(({ name, seconds }) => `${relative(root, name)} ${seconds} s`).join(', ')}`,
  );
  say(
    `Took ${Math.round((Date.now() - startedAt) / 1_000)} s, ${files.length} of ${every.length} test files.`,
  );
  const listed = leftOut.map((file) => `  ${file}`).join('\n');
  if (leftOut.length > 0) say(`Left out (npm run test:all runs them too):\n${listed}\n`);
}

/** The count of the run before. Zero where there was none. */
function readSummary(): { readonly passed: number; readonly failed: number } {
  const text = existsSync(summaryFile) ? readFileSync(summaryFile, 'utf8') : '';
  const [, passed = '0', failed = '0'] = /^(\d+) passed, (\d+) failed/.exec(text) ?? [];
  return { passed: Number(passed), failed: Number(failed) };
}

process.chdir(root);
const earlier = readSummary();
mkdirSync(join(root, 'test-results'), { recursive: true });
for (const file of [reportFile, summaryFile]) rmSync(file, { force: true });
provide(needs.tools);
if (needs.build) await build();
process.exit(conclude(await runVitest()));
