import { fileURLToPath } from 'node:url';

/** The folder of the repository, with a slash at its end. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The environment variable with the folder of another app, for the tests that can judge one. It must be built. */
export const appVariable = 'STEADFEED_TEST_APP';

/** The folder of the app that the tests start. */
export const appFolder = process.env[appVariable] ?? root;
