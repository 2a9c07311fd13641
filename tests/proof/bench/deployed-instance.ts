import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { buildArtifact, buildArtifactIn } from '../../support/node/deployed-artifact.ts';
import { assembleFunction, type DeployedFunction } from '../../support/node/deployed-function.ts';
import { runVercelBuild } from '../../support/node/vercel-build.ts';
import { root } from '../../support/root.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';

/** The function of a route as the platform's own command builds it, in a folder with only the files of its trace. */
export type BuiltFunction = {
  readonly folder: string;
  /** The entry file. */
  readonly entry: string;
  /** Bytes of all files, in MB. */
  readonly megabytes: number;
};

/** A new process of a function, from spawn on, in ms. */
export type ColdStart = { readonly loadedMs: number; readonly firstMs: number };

/** The function of this feed's streams. @param target an empty folder. */
export async function buildOwnFunction(target: string): Promise<BuiltFunction> {
  const { functions, filesPath } = await buildArtifact();
  return assemble(functions, 'api/stream', filesPath, target);
}

/** The function of a route in a small app. @param app its folder. @param keptIn where to keep its build. */
export async function buildFunctionOf(app: string, keptIn: string, target: string): Promise<BuiltFunction> {
  const { functions, filesPath } = await buildArtifactIn(keptIn, async (copy) => {
    cpSync(join(app, 'app'), join(copy, 'app'), { recursive: true });
    // The platform looks here for the framework and its version.
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const { next, react, 'react-dom': reactDom } = dependencies;
    const manifest = { private: true, type: 'module', dependencies: { next, react, 'react-dom': reactDom } };
    writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest));
    await runVercelBuild(copy);
  });
  return assemble(functions, 'api/stream', filesPath, target);
}

function assemble(
  functions: readonly DeployedFunction[],
  route: string,
  filesPath: string,
  folder: string,
): BuiltFunction {
  const found = functions.find(({ routes }) => routes.includes(route));
  if (found === undefined) throw new Error(`The build has no function for ${route}.`);
  assembleFunction(found, filesPath, folder);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  let bytes = 0;
  for (const { parentPath, name } of files) bytes += statSync(join(parentPath, name)).size;
  return { folder, entry: join(folder, found.handler), megabytes: bytes / 1_048_576 };
}

const main = new URL('../../support/node/instance-main.ts', import.meta.url).pathname;

/**
 * Starts a process of a function, asks for `path` as soon as it accepts requests, and waits for `mark` in the answer.
 * @param env the settings of the project.
 */
export async function startCold(
  { folder, entry }: BuiltFunction,
  path: string,
  mark: string,
  env: Readonly<Record<string, string>>,
): Promise<ColdStart> {
  using temporary = makeTemporaryFolder();
  const begun = performance.now();
  const child = spawn(process.execPath, [main, entry, 'node'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: {
      ...{ NODE_ENV: 'production', NEXT_PRIVATE_PRELOAD_ENTRIES: '1', TZ: ':UTC', TMPDIR: temporary.path },
      ...{ VERCEL: '1', VERCEL_ENV: 'production', VERCEL_REGION: 'iad1' },
      ...env,
    },
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  try {
    const port = await portOf(child);
    const loadedMs = performance.now() - begun;
    await firstMark(port, path, mark);
    return { loadedMs, firstMs: performance.now() - begun };
  } finally {
    const ended = once(child, 'close');
    kill();
    process.off('exit', kill);
    await ended;
  }
}

async function portOf(child: ChildProcess): Promise<number> {
  const failed = once(child, 'close').then(() => {
    throw new Error('A function ended before it accepted requests.');
  });
  const [message] = await Promise.race([once(child, 'message'), failed]);
  return (message as { readonly port: number }).port;
}

function firstMark(port: number, path: string, mark: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'text/event-stream' };
    get({ port, host: '127.0.0.1', path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        text += part;
        if (text.includes(mark)) resolve();
      });
      response.on('end', () => reject(new Error(`A function answered ${response.statusCode}: ${text}`)));
      response.on('error', reject);
    }).on('error', reject);
  });
}
