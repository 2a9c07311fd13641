import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Artifact } from './deployed-artifact.ts';

/**
 * An artifact with one function, at the route `/`. Tests use it to see how the platform treats a function that
 * misbehaves.
 * @param folder the folder to write it to.
 * @param body the body of `async (request, response) => {…}`; it can use `require`.
 * @param isCancellable whether the function declares that it can be cancelled.
 */
export function fakeArtifact(folder: string, body: string, isCancellable = false): Artifact {
  const path = join(folder, 'index.func');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'handler.cjs'), `module.exports = async (request, response) => {${body}};`);
  return {
    filesPath: folder,
    staticPath: path,
    config: { routes: [] },
    functions: [
      {
        routes: ['index'],
        path,
        handler: 'handler.cjs',
        kind: 'node',
        maxDurationSeconds: null,
        isCancellable,
        files: {},
      },
    ],
  };
}
