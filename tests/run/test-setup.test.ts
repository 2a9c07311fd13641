import { existsSync, globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  mainRoads,
  nightlyTests,
  readNeeds,
  slowSuites,
  testsIn,
  testsOf,
  timedTests,
  withTimedProjects,
} from './suites.ts';
import { countTests, runTimes, type VitestReport } from './test-result.ts';
import {
  apache,
  caddy,
  chromium,
  curl,
  findMissing,
  firefox,
  go,
  haproxy,
  nginx,
  planInstall,
  python,
  readDistribution,
  redisServer,
  searchPath,
  squid,
  varnish,
  webkit,
  xvfb,
} from './tools.ts';

describe('a missing program', () => {
  const linux = { platform: 'linux', distribution: 'debian', isRoot: true };

  test('is one without any of its names on the path', () => {
    const shell = { commands: ['no-such-program', 'sh'], debian: 'dash', homebrew: 'dash' };
    const none = { commands: ['no-such-program'], debian: 'none', homebrew: 'none' };

    expect(findMissing([shell, none], searchPath(process.env.PATH))).toEqual([none]);
    expect(findMissing([shell], '/nowhere')).toEqual([shell]);
  });

  test('is installed automatically only on Debian, as root', () => {
    const command = 'apt-get update && apt-get install -y --no-install-recommends redis-server chromium';

    expect(planInstall([redisServer, chromium], linux)).toEqual({ kind: 'run', command });
    expect(planInstall([redisServer, chromium], { ...linux, isRoot: false })).toEqual({
      kind: 'tell',
      command: command.replaceAll('apt-get', 'sudo apt-get'),
    });
  });

  test('is reported on other systems, with the command that installs it', () => {
    const planOn = (distribution: string | null, platform = 'linux') =>
      planInstall([redisServer, chromium], { platform, distribution, isRoot: false });

    expect(planOn(null, 'darwin')).toEqual({ kind: 'tell', command: 'brew install redis chromium' });
    expect(planOn('ubuntu').command).toMatch(/redis-server && sudo snap install chromium$/);
    expect(planInstall([firefox, chromium], { ...linux, distribution: 'ubuntu' }).command).toBe(
      'snap install firefox chromium',
    );
    expect(planOn('fedora').command).toContain('redis-server, chromium or chromium-browser or google-chrome');
    expect(planOn('fedora').kind).toBe('tell');
  });

  test('is looked up by the distribution’s own name, not by that of its family', () => {
    expect(readDistribution('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n')).toBe('ubuntu');
    expect(readDistribution('ID_LIKE=debian\n')).toBeNull();
  });
});

describe('the needs of a run', () => {
  test('are all programs and the build, unless its suites or its extent need less', () => {
    const main = { tools: [redisServer, chromium, curl, python], build: true };
    const browsers = { ...main, tools: [...main.tools, firefox, webkit, xvfb] };
    const all = { ...main, tools: [...browsers.tools, nginx, haproxy, caddy, varnish, squid, apache, go] };
    expect(readNeeds([], 'all')).toEqual(all);
    expect(readNeeds(['tests/core'], 'all')).toEqual(all);
    expect(readNeeds(['--project', 'node'], 'all')).toEqual(all);
    expect(readNeeds(['--project', 'browser'], 'all')).toEqual(browsers);
    expect(readNeeds(['--project', 'core'], 'all')).toEqual({ tools: [], build: false });
    expect(readNeeds(['--project=core', '--project=log'], 'all')).toEqual({
      tools: [redisServer],
      build: false,
    });
    expect(readNeeds([], 'main')).toEqual(main);
  });
});

describe('the count of a run', () => {
  const file = (name: string, ...statuses: readonly string[]) => ({
    name,
    status: statuses.includes('failed') || statuses.length === 0 ? 'failed' : 'passed',
    startTime: 1_000,
    endTime: 1_000,
    assertionResults: statuses.map((status) => ({ status })),
  });
  const reportOf = (...files: readonly ReturnType<typeof file>[]): VitestReport => {
    const statuses = files.flatMap((one) => one.assertionResults.map((result) => result.status));
    const count = (status: string) => statuses.filter((one) => one === status).length;
    return {
      numPassedTests: count('passed'),
      numFailedTests: count('failed'),
      numTotalTests: statuses.length,
      testResults: [...files],
    };
  };

  test('has the tests that passed and failed', () => {
    const report = reportOf(file('/a', 'passed', 'passed'), file('/b', 'passed', 'failed'));

    expect(countTests(report, ['/a', '/b'], 1)).toEqual({ passed: 3, failed: 1, notRun: [] });
    expect(countTests(reportOf(file('/a', 'passed')), ['/a'], 0)).toEqual({
      passed: 1,
      failed: 0,
      notRun: [],
    });
  });

  test.each([
    ['a file that could not be loaded', reportOf(file('/a', 'passed'), file('/b')), '/b could not be run', 1],
    ['a file that was not run', reportOf(file('/a', 'passed')), '/b was not run', 0],
    [
      'a skipped test',
      reportOf(file('/a', 'passed'), file('/b', 'passed', 'skipped')),
      'a test was skipped',
      0,
    ],
    [
      'an error outside of any test',
      reportOf(file('/a', 'passed'), file('/b', 'passed')),
      'vitest ended with 1',
      1,
    ],
  ])('counts %s as a failure', (_, report, reason, exitCode) => {
    const { failed, notRun } = countTests(report, ['/a', '/b'], exitCode);

    expect(failed).toBe(1);
    expect(notRun[0]).toContain(reason);
  });

  test('has no missing tests for a run of only some files', () => {
    const report = reportOf(file('/a', 'passed', 'skipped'));

    expect(countTests(report, null, 0)).toEqual({ passed: 1, failed: 0, notRun: [] });
  });
});

describe('the extents of a run', () => {
  const every = globSync('{tests,app,lib}/**/*.test.{ts,tsx}').sort();

  test('test:all runs every test file', () => {
    expect(testsOf('all')).toEqual(every);
  });

  test('npm test runs the main roads of the slow tests', () => {
    expect(testsOf('main').filter((file) => file.startsWith('tests/e2e/'))).toEqual(
      mainRoads.filter((file) => existsSync(file)).sort(),
    );
  });

  test('npm test, test:rest and test:nightly together run every test file once', () => {
    const together = [...testsOf('main'), ...testsOf('rest'), ...testsOf('nightly')];

    expect(together.sort()).toEqual(every);
  });

  test('the lists of tests name files that exist', () => {
    const named = [...mainRoads, ...timedTests, ...nightlyTests];

    // An app made from the template has none of them.
    expect(testsOf('rest').length === 0 ? [] : named.filter((file) => !existsSync(file))).toEqual([]);
  });
});

describe('the tests that limit how long something takes', () => {
  const slow = globSync(testsIn(Object.values(slowSuites).flat()));

  test('are all that read a clock and state an upper limit', () => {
    const limits = (file: string) => {
      const text = readFileSync(file, 'utf8');
      return text.includes('performance.now()') && text.includes('.toBeLessThan');
    };

    expect(slow.filter((file) => limits(file) && !timedTests.includes(file))).toEqual([]);
  });

  test('are chosen with their suite', () => {
    const chosen = withTimedProjects(['--project', 'browser', '--project=core', 'page']);

    expect(chosen).toEqual(['--project', 'browser', '--project=core', 'page', '--project=browser-timed']);
  });
});

test('the times of a run name the slowest file first', () => {
  const file = { status: 'passed', assertionResults: [], startTime: 5_000 };
  const testResults = [
    { ...file, name: '/a', endTime: 7_000 },
    { ...file, name: '/b', endTime: 9_000 },
  ];

  expect(runTimes({ numPassedTests: 0, numFailedTests: 0, numTotalTests: 0, testResults })).toEqual([
    { name: '/b', seconds: 4 },
    { name: '/a', seconds: 2 },
  ]);
});
