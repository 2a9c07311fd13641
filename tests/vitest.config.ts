import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/** Suites that run in this process. Tests move time by hand. The name of a suite is its folder, where nothing else is said. */
const quick: Readonly<Record<string, readonly string[]>> = {
  core: ['tests/core', 'tests/config'],
  log: ['tests/log'],
  server: ['tests/server'],
  client: ['tests/client'],
  scripts: ['tests/scripts'],
  proof: ['tests/proof', 'tests/run'],
};

/** Suites that run real processes and real browsers. */
const slow: Readonly<Record<string, readonly string[]>> = {
  node: ['tests/e2e/node'],
  browser: ['tests/e2e/browser'],
};

const testsIn = (folders: readonly string[]) => folders.map((folder) => `${folder}/**/*.test.{ts,tsx}`);

export default defineConfig({
  root,
  test: {
    passWithNoTests: false,
    projects: [
      ...Object.entries(quick).map(([name, folders]) => ({
        test: {
          name,
          root,
          include: testsIn(folders),
          testTimeout: 20_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      })),
      ...Object.entries(slow).map(([name, folders]) => ({
        test: {
          name,
          root,
          include: testsIn(folders),
          testTimeout: 120_000,
          hookTimeout: 180_000,
          // These suites wait more than they work, so more files run at a time than there are cores.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
          globalSetup: ['tests/support/node/global-setup.ts'],
        },
      })),
    ],
  },
});
