import { globSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { linkFile, linkFolder } from './link-folder.ts';

/** A function of an artifact. Several routes can be one function: they share its processes. */
export type DeployedFunction = {
  /** The names of its routes in the platform's routing, for example `api/stream`. */
  readonly routes: readonly string[];
  /** The folder of its own files. */
  readonly path: string;
  /** Its entry file, relative to that folder. */
  readonly handler: string;
  /** Its interface: `web` is `Request` and `Response` (a middleware), `node` is that of `node:http`. */
  readonly kind: 'web' | 'node';
  /** The platform's limit for one request; null: the platform's default. */
  readonly maxDurationSeconds: number | null;
  /** Whether the platform reports to it that a reader left. */
  readonly isCancellable: boolean;
  /** The project's files that it may use too: the path in the function, and the path in the project. */
  readonly files: Readonly<Record<string, string>>;
};

/** Reads the functions in `folder` from the platform's build output. */
export function readFunctions(folder: string): DeployedFunction[] {
  const routes = new Map<string, string[]>();
  for (const found of globSync('**/*.func', { cwd: folder }).sort()) {
    const path = realpathSync(join(folder, found));
    routes.set(path, [...(routes.get(path) ?? []), found.replace(/\.func$/, '')]);
  }
  return [...routes].map(([path, names]) => {
    const config = JSON.parse(readFileSync(join(path, '.vc-config.json'), 'utf8'));
    return {
      routes: names,
      path,
      handler: config.handler,
      kind: config.useWebApi === true ? 'web' : 'node',
      maxDurationSeconds: config.maxDuration ?? null,
      isCancellable: config.supportsCancellation === true,
      files: config.filePathMap ?? {},
    };
  });
}

/**
 * Puts the function and the files that it may use into `folder`, and nothing else.
 * @param filesPath the folder of the project's files.
 */
export function assembleFunction(
  { path, files }: Pick<DeployedFunction, 'path' | 'files'>,
  filesPath: string,
  folder: string,
): void {
  linkFolder(path, folder, ['.vc-config.json']);
  for (const [target, source] of Object.entries(files))
    linkFile(join(filesPath, source), join(folder, target));
}
