import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Artifact } from './deployed-artifact.ts';

/**
 * An artifact of one function whose route is `/`, to see what the platform does to a function that does wrong.
 * @param folder where it is written.
 * @param body of `async (request, response) => {…}`; `require` is there.
 * @param isCancellable whether it says that it can be cancelled.
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
