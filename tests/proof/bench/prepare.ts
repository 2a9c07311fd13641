import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { buildOnce } from '../../../scripts/build-app.ts';
import type { BenchFolders } from './contestants.ts';

/**
 * The packages of the peers. None of them is a dependency of the template. The framework's are installed again, in the
 * version of the template: a build that used the template's own would be inside the template, and get its proxy and its
 * instrumentation.
 */
const peers = {
  '@trpc/server': '11.25.2',
  '@upstash/realtime': '1.1.0',
  '@upstash/redis': '1.39.0',
  'better-sse': '0.16.1',
  zod: '4.6.7',
} as const;

const servers = new URL('servers/', import.meta.url).pathname;

/**
 * Builds the contestants and installs the peers' packages, unless this was done before. The builds for the benchmark are
 * next to the packages, where no other build deletes them.
 * @param isAlone whether no peer is needed; then only this feed is built.
 * @throws Error with the output, if a build or the install fails.
 */
export async function prepare(root: string, isAlone = false): Promise<BenchFolders> {
  await buildOnce();
  const cache = cacheOf(root);
  if (!isAlone) installPeers(root, cache);
  const app = (name: string) => (isAlone ? join(cache, name) : buildApp(join(servers, name), root, cache));
  return {
    root,
    plainNext: app('plain-next'),
    trpcNext: app('trpc-next'),
    upstashRealtime: app('upstash-realtime'),
    peers: cache,
    data: mkdtempSync(join(tmpdir(), 'steadfeed-bench-')),
  };
}

/**
 * Installs the peers' packages, unless this was done before, and builds a small Next app that uses one.
 * @param source the folder of the app; its last part is the name of the build and must be unique.
 * @returns the folder to start the app in, and the folder of the peers' packages.
 * @throws Error with the output, if the build or the install fails.
 */
export function preparePeer(source: string, root: string): Pick<BenchFolders, 'peers'> & { app: string } {
  const cache = cacheOf(root);
  installPeers(root, cache);
  return { peers: cache, app: buildApp(source, root, cache) };
}

/** Installs the peers' packages, unless this was done before. @returns their folder. @throws Error if the install fails. */
export function preparePeerPackages(root: string): string {
  const cache = cacheOf(root);
  installPeers(root, cache);
  return cache;
}

function cacheOf(root: string): string {
  return join(root, 'node_modules/.cache/steadfeed/bench');
}

function installPeers(root: string, folder: string): void {
  const framework = Object.fromEntries(
    ['next', 'react', 'react-dom'].map((name) => [name, versionOf(name, root)]),
  );
  const dependencies = { ...peers, ...framework };
  const manifest = JSON.stringify({ name: 'bench-peers', private: true, dependencies });
  const installed = join(folder, 'installed');
  if (isWritten(installed, manifest)) return;
  mkdirSync(folder, { recursive: true });
  // Without a package.json here, npm would install into the template.
  writeFileSync(join(folder, 'package.json'), manifest);
  run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--no-package-lock'], folder);
  writeFileSync(installed, manifest);
}

/** Whether a file has exactly this text. */
function isWritten(file: string, text: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8') === text;
}

function versionOf(name: string, root: string): string {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

/** Builds a small Next app from the sources in a folder. @returns the folder to start it in. */
function buildApp(source: string, root: string, cache: string): string {
  const files = globSync('**/*.{ts,json}', { cwd: source, exclude: ['**/*.d.ts'] })
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(source, path), 'utf8') }));
  const config = `export default { turbopack: { root: ${JSON.stringify(cache)} } };\n`;
  const stamp = createHash('sha256')
    .update(JSON.stringify([files, config, versionOf('next', root), peers]))
    .digest('hex');
  const folder = join(cache, basename(source));
  const built = join(folder, 'built');
  if (isWritten(built, stamp)) return folder;
  rmSync(folder, { recursive: true, force: true });
  for (const { path, text } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    // Next does not accept TypeScript inside `node_modules`.
    const script = path.endsWith('.ts') ? stripTypeScriptTypes(text) : text;
    writeFileSync(join(folder, path.replace(/\.ts$/, '.js')), script);
  }
  // Without the root, Next would look in parent folders, and build the template's proxy and instrumentation into the app.
  writeFileSync(join(folder, 'next.config.mjs'), config);
  run(process.execPath, [join(cache, 'node_modules/next/dist/bin/next'), 'build'], folder);
  const foreign = ['instrumentation.js', 'middleware.js'].filter((name) =>
    existsSync(join(folder, '.next/server', name)),
  );
  if (foreign.length > 0)
    throw new Error(`The build of ${basename(source)} holds parts of the template: ${foreign.join(', ')}.`);
  writeFileSync(built, stamp);
  return folder;
}

function run(command: string, args: readonly string[], cwd: string): void {
  const env = { ...process.env, NODE_ENV: 'production' as const, NEXT_TELEMETRY_DISABLED: '1' };
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (status === 0) return;
  const why = error?.message ?? `${stdout}${stderr}`;
  throw new Error(`${command} ${args.join(' ')} failed:\n${why}`, { cause: error });
}
