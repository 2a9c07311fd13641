/** What the app is built from, as paths in the checkout; its packages besides. */
export const appSources: readonly string[] = [
  'app',
  'lib',
  'instrumentation.ts',
  'next.config.mjs',
  'package-lock.json',
  'package.json',
  'proxy.ts',
  'tsconfig.json',
];
