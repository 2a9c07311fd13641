import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/** Suites that run in this process, with time moved by hand. */
const quick = ['core', 'log', 'server', 'client', 'scripts', 'routes'];

/** Suites over real processes. They wait more than they work: more files at a time than there are cores. */
const slow = ['platform', 'browser'];

export default defineConfig({
  root,
  test: {
    passWithNoTests: false,
    projects: [
      ...quick.map((name) => ({
        test: {
          name,
          root,
          include: [`tests/${name}/**/*.test.{ts,tsx}`],
          testTimeout: 20_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      })),
      ...slow.map((name) => ({
        test: {
          name,
          root,
          include: [`tests/${name}/**/*.test.ts`],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
          globalSetup: ['tests/platform/global-setup.ts'],
        },
      })),
    ],
  },
});
