import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../../../scripts/build-app.ts';
import { root } from '../root.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { type DeployedFunction, readFunctions } from './deployed-function.ts';
import { linkFile } from './link-folder.ts';
import type { RouteConfig } from './platform-routes.ts';
import { deployedSources, vercelBuild, vercelCommand } from './vercel-build.ts';

const cache = join(root, 'node_modules/.cache/steadfeed');

/** The build of this checkout that the platform would run and serve. */
export type Artifact = {
  /** Folder with the files that functions use, each at its path in the project. */
  readonly filesPath: string;
  /** Folder of the static files. */
  readonly staticPath: string;
  readonly config: RouteConfig;
  readonly functions: readonly DeployedFunction[];
};

/**
 * Builds this checkout with the platform's own command. It keeps the result, and builds again only when a source
 * changes. It does not touch `.next/` and `.vercel/` of the checkout. If several processes call it at once, only one
 * builds.
 * @throws Error with the output of the command if it fails or cannot be downloaded.
 */
export async function buildArtifact(): Promise<Artifact> {
  const folder = artifactFolder();
  return buildArtifactIn(folder, async (copy) => {
    await vercelBuild(copy);
    for (const old of readdirSync(cache).filter((name) => name.startsWith('deployed-'))) {
      rmSync(join(cache, old), { recursive: true });
    }
  });
}

/**
 * Builds an artifact and keeps it in `folder`, unless it is there.
 * @param buildIn builds in a new folder, with the result in its `.vercel/output`.
 */
export async function buildArtifactIn(
  folder: string,
  buildIn: (copy: string) => Promise<void>,
): Promise<Artifact> {
  if (!existsSync(folder)) {
    await withLock(join(cache, 'deployed.lock'), async () => {
      if (!existsSync(folder)) await build(folder, buildIn);
    });
  }
  const output = join(folder, 'output');
  return {
    filesPath: join(folder, 'files'),
    staticPath: join(output, 'static'),
    config: JSON.parse(readFileSync(join(output, 'config.json'), 'utf8')),
    functions: readFunctions(join(output, 'functions')),
  };
}

/** The folder of the build of the present sources. */
export function artifactFolder(): string {
  return join(cache, `deployed-${keyOfSources()}`);
}

/** A hash of the sources, their names, and the build command. */
function keyOfSources(): string {
  const hash = createHash('sha256').update(vercelCommand);
  const patterns = [...deployedSources, 'scripts/build-app.ts'].flatMap((source) => [source, `${source}/**`]);
  const entries = globSync(patterns, { cwd: root, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  for (const file of files.sort()) hash.update(`\0${file.slice(root.length)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

async function build(folder: string, buildIn: (copy: string) => Promise<void>): Promise<void> {
  using copy = makeTemporaryFolder();
  await buildIn(copy.path);
  const output = join(copy.path, '.vercel/output');
  const unfinished = join(cache, `unfinished-${process.pid}`);
  mkdirSync(unfinished);
  cpSync(output, join(unfinished, 'output'), { recursive: true, verbatimSymlinks: true });
  const files = readFunctions(join(output, 'functions')).flatMap(({ files }) => Object.values(files));
  for (const file of new Set(files)) linkFile(join(copy.path, file), join(unfinished, 'files', file));
  // The rename is atomic: no process sees half of the folder.
  renameSync(unfinished, folder);
}
