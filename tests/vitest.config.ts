import { globSync } from 'node:fs';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import {
  type Extent,
  extentVariable,
  hasQuick,
  quickSuites,
  slowSuites,
  suitesWithTests,
  takesIn,
  testsIn,
  timedProject,
  timedTests,
} from './run/suites.ts';

const root = new URL('..', import.meta.url).pathname;
const extents: readonly Extent[] = ['all', 'main', 'rest', 'nightly', 'chosen'];
/** Vitest that is started by hand takes in everything. */
const extent = extents.find((each) => each === process.env[extentVariable]) ?? 'all';

/** The files of a slow suite that this run takes in. */
const slowTestsIn = (folders: readonly string[]) =>
  globSync(testsIn(folders), { cwd: root }).filter((file) => takesIn(extent, file));

function slowProject(
  name: string,
  include: string[],
  order: { readonly maxWorkers: number; readonly groupOrder: number },
): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      root,
      include,
      testTimeout: 300_000,
      hookTimeout: 600_000,
      maxWorkers: order.maxWorkers,
      sequence: { groupOrder: order.groupOrder },
      globalSetup: ['tests/support/node/global-setup.ts'],
    },
  };
}

/** These tests wait more than they work, so more files run at a time than there are cores. */
const together = { maxWorkers: 3, groupOrder: 0 };
const oneByOne = { maxWorkers: 1, groupOrder: 1 };

const slowProjects = suitesWithTests(slowSuites).flatMap(([suite, folders]) => {
  const files = slowTestsIn(folders);
  const timed = files.filter((file) => timedTests.includes(file));
  const others = files.filter((file) => !timedTests.includes(file));
  return [
    slowProject(suite, others, together),
    ...(timed.length === 0 ? [] : [slowProject(timedProject(suite), timed, oneByOne)]),
  ];
});

export default defineConfig({
  root,
  test: {
    passWithNoTests: false,
    projects: [
      ...suitesWithTests(hasQuick(extent) ? quickSuites : {}).map(([name, folders]) => ({
        test: {
          name,
          root,
          include: testsIn(folders),
          testTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      })),
      ...slowProjects,
    ],
  },
});
