import { spawn } from 'node:child_process';
import { readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { appSources } from './app-sources.ts';
import { buildSecrets, findBuildSecret } from './build-secrets.ts';
import { withLock } from './lock-file.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const buildId = join(root, '.next/BUILD_ID');
const lockFile = join(root, 'node_modules/.cache/steadfeed/build.lock');

/**
 * Makes the production build of this folder, unless there is one newer than its sources. Of processes that ask at
 * the same time one builds, and the others wait for it.
 * @throws Error with what `next build` printed, when it fails or prints a secret.
 */
export async function buildOnce(): Promise<void> {
  if (isFresh()) return;
  await withLock(lockFile, async () => {
    if (!isFresh()) await build();
  });
}

/** What the build depends on. */
const sources = [...appSources, 'scripts/build/build-secrets.ts'];

/** Whether the production build is newer than its sources. */
export function isFresh(): boolean {
  const builtAt = statSync(buildId, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return sources.every((source) => newestMs(join(root, source)) < builtAt);
}

/** When a file, or anything in a folder, was last changed. A folder changes when a file leaves it. */
function newestMs(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

async function build(): Promise<void> {
  const startedAt = new Date();
  const next = join(root, 'node_modules/next/dist/bin/next');
  const own = { NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' } as const;
  const env = { ...process.env, ...buildSecrets, ...own };
  const child = spawn(process.execPath, [next, 'build'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`next build failed:\n${printed}`);
  const told = findBuildSecret(printed);
  if (told !== null) throw new Error(`next build printed ${told}:\n${printed}`);
  // A source that changed while it was built is newer than the build.
  utimesSync(buildId, startedAt, startedAt);
}

if (import.meta.main) await buildOnce();
