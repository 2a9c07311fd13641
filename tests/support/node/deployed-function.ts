import { globSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { linkFile, linkFolder } from './link-folder.ts';

/** A function of an artifact. Several routes may be one: they share its processes. */
export type DeployedFunction = {
  /** Names of its routes, as the platform's routing knows them: `api/stream`. */
  readonly routes: readonly string[];
  /** Folder of its own files. */
  readonly path: string;
  /** Its entry, within that folder. */
  readonly handler: string;
  /** Whether it takes and gives what the web does (`Request`, `Response`), as a middleware; else what `node:http` does. */
  readonly kind: 'web' | 'node';
  /** The platform's limit on one request; null where only the platform's default counts. */
  readonly maxDurationSeconds: number | null;
  /** Whether it is told of readers that leave. */
  readonly isCancellable: boolean;
  /** The files of the project it may use besides: from where they are in the function to where they are in the project. */
  readonly files: Readonly<Record<string, string>>;
};

/** Reads the functions of `folder`, as the platform's build output describes them. */
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
 * Makes `folder` hold the function and the files it may use, and nothing else.
 * @param filesPath folder that holds the project's files.
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
