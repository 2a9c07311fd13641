import { globSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/root.ts';
import {
  apache,
  caddy,
  chromium,
  curl,
  firefox,
  go,
  haproxy,
  nginx,
  python,
  redisServer,
  squid,
  type Tool,
  varnish,
  webkit,
  xvfb,
} from './tools.ts';

type Suites = Readonly<Record<string, readonly string[]>>;

/** The suites of the template that run in the test process. Tests move time by hand. */
const templateSuites: Suites = {
  core: ['tests/core', 'tests/config'],
  log: ['tests/log'],
  server: ['tests/server'],
  client: ['tests/client'],
  scripts: ['tests/scripts'],
  proof: ['tests/proof', 'tests/run'],
  docs: ['tests/docs'],
  app: ['tests/app'],
};

/** Folders of `tests` without a suite of their own. */
const otherFolders = ['e2e', 'support'];

/** Folders with tests of an app that was made from the template: beside its code, and new folders of `tests`. */
const ownFolders = readdirSync(join(root, 'tests'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !otherFolders.includes(entry.name))
  .map(({ name }) => `tests/${name}`)
  .filter((folder) => !Object.values(templateSuites).flat().includes(folder));

/** Suites that run in the test process, and their folders. */
export const quickSuites: Suites = { ...templateSuites, own: ['app', 'lib', ...ownFolders] };

/** Suites that run real processes and real browsers, and their folders. */
export const slowSuites: Suites = {
  node: ['tests/e2e/node'],
  browser: ['tests/e2e/browser'],
};

/**
 * The tests of the slow suites that `npm test` runs: the main roads of real processes and of Chromium. `npm run
 * test:all` runs the others too.
 */
export const mainRoads: readonly string[] = [
  'tests/e2e/node/crash.test.ts',
  'tests/e2e/node/demo.test.ts',
  'tests/e2e/node/publish-requests.test.ts',
  'tests/e2e/node/refusals.test.ts',
  'tests/e2e/node/settings.test.ts',
  'tests/e2e/node/stopping.test.ts',
  'tests/e2e/node/two-processes.test.ts',
  'tests/e2e/browser/event-source.test.ts',
  'tests/e2e/browser/page-policy.test.ts',
  'tests/e2e/browser/page-rules.test.ts',
  'tests/e2e/browser/page-words.test.ts',
  'tests/e2e/browser/promise.test.ts',
  'tests/e2e/browser/six-connections.test.ts',
];

/**
 * The tests of the slow suites that limit how long something takes, or say that a client never polls meanwhile. Beside other
 * tests they would judge the machine, so they run after them, one file at a time.
 */
export const timedTests: readonly string[] = [
  'tests/e2e/node/connections.test.ts',
  'tests/e2e/node/dead-sockets.test.ts',
  'tests/e2e/node/deployed-hour.test.ts',
  'tests/e2e/node/deployed-streams.test.ts',
  'tests/e2e/node/held-streams.test.ts',
  'tests/e2e/node/limited-requests.test.ts',
  'tests/e2e/node/locked-file.test.ts',
  'tests/e2e/node/middleboxes.test.ts',
  'tests/e2e/node/new-app.test.ts',
  'tests/e2e/node/one-behind.test.ts',
  'tests/e2e/node/pipelined-requests.test.ts',
  'tests/e2e/node/platform.test.ts',
  'tests/e2e/node/redis-cost.test.ts',
  'tests/e2e/node/redis-failure.test.ts',
  'tests/e2e/node/shared-polls.test.ts',
  'tests/e2e/node/socket-life.test.ts',
  'tests/e2e/node/stopping.test.ts',
  'tests/e2e/node/storm.test.ts',
  'tests/e2e/node/token-expiry.test.ts',
  'tests/e2e/browser/handover-latency.test.ts',
  'tests/e2e/browser/page-speed.test.ts',
  'tests/e2e/browser/page.test.ts',
  'tests/e2e/browser/six-connections.test.ts',
  'tests/e2e/browser/sleep.test.ts',
  'tests/e2e/browser/tabs.test.ts',
];

/** Vitest's project of a slow suite's timed tests. */
export const timedProject = (suite: string) => `${suite}-timed`;

/**
 * The tests of the slow suites that run once a night, and not for every commit: they install or build whole apps for minutes, run
 * a proof of `npm run proof:…` in short, or compare times to some ms. What they guard has a faster test too.
 */
export const nightlyTests: readonly string[] = [
  'tests/e2e/browser/chat.test.ts',
  'tests/e2e/browser/handover-latency.test.ts',
  'tests/e2e/browser/next-settings.test.ts',
  'tests/e2e/browser/picture.test.ts',
  'tests/e2e/node/bench.test.ts',
  'tests/e2e/node/chaos.test.ts',
  'tests/e2e/node/dockerfile.test.ts',
  'tests/e2e/node/existing-app.test.ts',
  'tests/e2e/node/middleboxes.test.ts',
  'tests/e2e/node/new-app.test.ts',
  'tests/e2e/node/node-versions.test.ts',
  'tests/e2e/node/pnpm.test.ts',
  'tests/e2e/node/private-chat.test.ts',
  'tests/e2e/node/rolling-update.test.ts',
];

/**
 * How much a run takes in: every test; the quick ones and the main roads; the other slow ones that run for every commit; the
 * slow ones that run once a night; or what the arguments choose.
 */
export type Extent = 'all' | 'main' | 'rest' | 'nightly' | 'chosen';

/** The environment variable that tells vitest's configuration the extent. */
export const extentVariable = 'STEADFEED_TEST_EXTENT';

/** The patterns of the test files in these folders. */
export function testsIn(folders: readonly string[]): string[] {
  return folders.map((folder) => `${folder}/**/*.test.{ts,tsx}`);
}

/** The suites of these that have tests, with their folders. An app made from the template may have deleted the others. */
export function suitesWithTests(suites: Suites): (readonly [name: string, folders: readonly string[]])[] {
  return Object.entries(suites).filter(([, folders]) => globSync(testsIn(folders), { cwd: root }).length > 0);
}

/** Whether a run of this extent takes in this file of a slow suite. */
export function takesIn(extent: Extent, file: string): boolean {
  switch (extent) {
    case 'main':
      return mainRoads.includes(file);
    case 'rest':
      return !mainRoads.includes(file) && !nightlyTests.includes(file);
    case 'nightly':
      return nightlyTests.includes(file);
    case 'all':
    case 'chosen':
      return true;
    default:
      return extent satisfies never;
  }
}

/** Whether a run of this extent takes in the quick suites. */
export const hasQuick = (extent: Extent) => extent !== 'rest' && extent !== 'nightly';

/** The test files that a run of this extent takes in, from the root of the project. */
export function testsOf(extent: Extent): string[] {
  const slow = globSync(testsIn(Object.values(slowSuites).flat()), { cwd: root });
  const quick = hasQuick(extent) ? globSync(testsIn(Object.values(quickSuites).flat()), { cwd: root }) : [];
  return [...quick, ...slow.filter((file) => takesIn(extent, file))].sort();
}

/** What suites need before they run. */
export type Needs = {
  readonly tools: readonly Tool[];
  /** Whether they run against the production build. */
  readonly build: boolean;
};

const nothing: Needs = { tools: [], build: false };
const mainNeeds: Needs = { tools: [redisServer, chromium, curl, python], build: true };
const browserNeeds: Needs = { ...mainNeeds, tools: [...mainNeeds.tools, firefox, webkit, xvfb] };
/** Only processes of the suite `node` stand behind these proxies, and only it runs the recipes in Go. */
const everything: Needs = {
  ...mainNeeds,
  tools: [...browserNeeds.tools, nginx, haproxy, caddy, varnish, squid, apache, go],
};

/** Suites that need less than everything. */
const needsOf: ReadonlyMap<string, Needs> = new Map([
  ['core', nothing],
  ['server', nothing],
  ['client', nothing],
  ['docs', nothing],
  ['app', nothing],
  ['own', nothing],
  ['browser', browserNeeds],
  ['log', { tools: [redisServer], build: false }],
  ['scripts', { tools: [redisServer], build: false }],
  ['proof', { tools: [redisServer], build: false }],
]);

/**
 * The needs of the suites that vitest runs with these arguments: the ones that `--project` names, or all.
 * @param extent of a run without such a name.
 */
export function readNeeds(args: readonly string[], extent: Extent): Needs {
  const named = readProjects(args);
  const hasSlow = suitesWithTests(slowSuites).length > 0;
  if (named.length === 0 && hasSlow) return extent === 'main' ? mainNeeds : everything;
  const names = named.length > 0 ? named : suitesWithTests(quickSuites).map(([name]) => name);
  const needs = names.map((name) => needsOf.get(name) ?? everything);
  return {
    tools: everything.tools.filter((tool) => needs.some((need) => need.tools.includes(tool))),
    build: needs.some((need) => need.build),
  };
}

/** The arguments for vitest: `--project` with a slow suite chooses its timed tests too. */
export function withTimedProjects(args: readonly string[]): string[] {
  const timed = readProjects(args).filter((name) => name in slowSuites);
  return [...args, ...timed.map((suite) => `--project=${timedProject(suite)}`)];
}

function readProjects(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    if (arg === '--project') return [args[index + 1] ?? ''];
    return arg.startsWith('--project=') ? [arg.slice('--project='.length)] : [];
  });
}
