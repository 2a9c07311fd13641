import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { appSources, buildSecrets } from '../../../scripts/build-app.ts';
import { root } from '../root.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import type { App, AppEnvironment } from './app-process.ts';
import { linkFolder } from './link-folder.ts';
import { checkNoSecret } from './secrets.ts';

/** A copy of the app that a test builds as it likes. It goes with its scope (`using`). */
export type AppCopy = Disposable & {
  readonly folder: string;
  /**
   * Builds the copy as an adopter would: with `settings` added to the object in `next.config.mjs`. It keeps what the
   * bundler has stored of earlier builds, which saves most of the time.
   * @throws Error with the output of `next build`, when it fails.
   */
  build(settings: Readonly<Record<string, unknown>>, args?: readonly string[]): Promise<void>;
  /** The errors that TypeScript finds in the copy; empty: none. */
  typeErrors(): Promise<string>;
  /** Starts the build, by the Next of the copy. */
  start(env: AppEnvironment): Promise<App>;
};

/** Copies the app, with its packages, to a folder of its own. @param files more files: their paths and texts. */
export function copyAppToBuild(files: Readonly<Record<string, string>> = {}): AppCopy {
  const copy = makeTemporaryFolder();
  const folder = copy.path;
  for (const source of [...appSources, 'scripts'])
    cpSync(join(root, source), join(folder, source), { recursive: true });
  linkFolder(join(root, 'node_modules'), join(folder, 'node_modules'), ['.cache']);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const config = join(folder, 'next.config.mjs');
  const ownConfig = readFileSync(config, 'utf8');
  return {
    folder,
    async build(settings, args = []) {
      // Types are the same under each setting, and `npm run check` checks them.
      const all = { typescript: { ignoreBuildErrors: true }, ...settings };
      const added = Object.entries(all).map(([name, value]) => `\n  ${name}: ${JSON.stringify(value)},`);
      writeFileSync(
        config,
        ownConfig.replace('const config = {', (start) => start + added.join('')),
      );
      rmSync(join(folder, '.next/standalone'), { recursive: true, force: true });
      await nextBuild(folder, args);
    },
    async typeErrors() {
      writeFileSync(join(folder, 'next-env.d.ts'), '/// <reference types="next" />\n');
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const { stdout } = await promisify(execFile)(process.execPath, [tsc, '--noEmit'], {
        cwd: folder,
      }).catch((error: { readonly stdout: string }) => error);
      return stdout;
    },
    async start(env) {
      // It needs vitest. The command of a proof copies and builds without it.
      const { listenOn, startAppBy } = await import('./app-process.ts');
      const next = join(folder, 'node_modules/next/dist/bin/next');
      const args = [next, 'start', ...listenOn(0)];
      return startAppBy({ command: process.execPath, args, env, cwd: folder });
    },
    [Symbol.dispose]: copy[Symbol.dispose],
  };
}

async function nextBuild(folder: string, args: readonly string[]): Promise<void> {
  const next = join(folder, 'node_modules/next/dist/bin/next');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [next, 'build', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1', ...buildSecrets },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`next build ${args.join(' ')} failed:\n${printed}`);
  checkNoSecret(printed, 'next build');
}
