import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildOnce, isFresh } from '../scripts/build/build-once.ts';
import { planInstall, readDistribution } from './run/install.ts';
import { readNeeds } from './run/suite-needs.ts';
import { countTests, vitestReport } from './run/test-result.ts';
import { findMissing, searchPath, type Tool } from './run/tool.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const reportFile = join(root, 'test-results/vitest.json');
const summaryFile = join(root, 'test-results/summary.txt');

const args = process.argv.slice(2);
const path = searchPath(process.env.PATH);
const needs = readNeeds(args);
const say = (text: string) => console.log(text);

/** Ends with a word why. */
function fail(reason: string): never {
  console.error(`test: ${reason}`);
  process.exit(1);
}

/** Installs what is missing where that is safe, and else says how. */
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
  // The suites start their own servers; RUNLEVEL keeps Debian from starting one on its usual port.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const { status } = spawnSync('sh', ['-c', install.command], { stdio: 'inherit', env });
  if (status !== 0 || findMissing(tools, path).length > 0) fail(`${names} could not be installed`);
}

async function build(): Promise<void> {
  if (isFresh()) return;
  say('Building the app for the suites that run it…');
  await buildOnce().catch((cause: unknown) => fail(cause instanceof Error ? cause.message : String(cause)));
}

function runVitest(): Promise<number | null> {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const reporters = args.some((arg) => arg.startsWith('--reporter')) ? [] : ['--reporter=default'];
  const own = ['--reporter=json', `--outputFile.json=${reportFile}`];
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--config', 'tests/vitest.config.ts', ...reporters, ...own, ...args],
    { cwd: root, stdio: 'inherit', env: { ...process.env, PATH: path } },
  );
  return new Promise((resolve) => child.once('close', resolve));
}

/** Tells the outcome in one line, `N passed, N failed`; gives the exit code. */
function conclude(exitCode: number | null): number {
  const isWhole = args.length === 0;
  const expected = isWhole ? globSync(join(root, 'tests/**/*.test.{ts,tsx}')) : null;
  if (!existsSync(reportFile)) fail('vitest ended without a report');
  const report = vitestReport.parse(JSON.parse(readFileSync(reportFile, 'utf8')));
  const { passed, failed, notRun } = countTests(report, expected, exitCode);
  for (const what of notRun) say(what.replace(root, ''));
  const summary = `${passed} passed, ${failed} failed`;
  if (isWhole) writeFileSync(summaryFile, `${summary}\n`);
  say(summary);
  return failed === 0 ? 0 : 1;
}

process.chdir(root);
mkdirSync(join(root, 'test-results'), { recursive: true });
for (const file of [reportFile, summaryFile]) rmSync(file, { force: true });
provide(needs.tools);
if (needs.build) await build();
process.exit(conclude(await runVitest()));
