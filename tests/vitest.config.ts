import { defineConfig } from 'vitest/config';
import { extentVariable, mainRoads, quickSuites, slowSuites, testsIn } from './run/suites.ts';

const root = new URL('..', import.meta.url).pathname;
const extent = process.env[extentVariable];

const slowTestsIn = (folders: readonly string[]) =>
  extent === 'main'
    ? mainRoads.filter((file) => folders.some((folder) => file.startsWith(`${folder}/`)))
    : testsIn(folders);

export default defineConfig({
  root,
  test: {
    passWithNoTests: false,
    projects: [
      ...Object.entries(extent === 'rest' ? {} : quickSuites).map(([name, folders]) => ({
        test: {
          name,
          root,
          include: testsIn(folders),
          testTimeout: 20_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      })),
      ...Object.entries(slowSuites).map(([name, folders]) => ({
        test: {
          name,
          root,
          include: slowTestsIn(folders),
          exclude: extent === 'rest' ? [...mainRoads] : [],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // These tests wait more than they work, so more files run at a time than there are cores.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
          globalSetup: ['tests/support/node/global-setup.ts'],
        },
      })),
    ],
  },
});
