import { spawn } from 'node:child_process';
import { chmodSync, chownSync, cpSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, matchesGlob, resolve } from 'node:path';
import { root } from '../root.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { linkFile, linkFolder } from './link-folder.ts';

/*
 * Follows a Dockerfile without Docker. Each stage is a folder that stands for the root of its image: a path such as /app is
 * looked up in it. Only what this project's file uses is understood; anything else is an error.
 */

/** An instruction of a Dockerfile: its name, and the text after it. */
export type Instruction = { readonly name: string; readonly text: string };

/** Reads the instructions. A line that ends with a backslash goes on in the next one. */
export function readDockerfile(text: string): readonly Instruction[] {
  const lines = text.replace(/^\s*#.*\n/gm, '').replace(/\\\n\s*/g, ' ');
  return lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, rest] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
      if (name === undefined || rest === undefined) throw new Error(`not an instruction: ${line}`);
      return { name, text: rest };
    });
}

/** What is left of the last stage: the container's settings. Paths are those of this machine. */
export type Image = Disposable & {
  /** The folder that stands for `/`. */
  readonly path: string;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  /** Starts a command in the container, as its user where this process may choose one. */
  run(command: readonly string[], env?: Readonly<Record<string, string>>): RunningCommand;
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  /** The environment as the file sets it. */
  readonly env: Readonly<Record<string, string>>;
};

export type RunningCommand = {
  /** Its output so far. */
  printed(): string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
};

/** A user without rights, and without files of its own. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

type Stage = {
  readonly path: string;
  workdir: string;
  user: string;
  readonly env: Record<string, string>;
};

/**
 * Builds the image of `Dockerfile`. Two steps are shorter than in Docker: `npm ci` links the packages that are installed
 * here, and the base image has Node alone.
 * @throws Error when a step fails, or when the file has something that this builder does not know.
 */
export async function buildImage(): Promise<Image> {
  using stack = new DisposableStack();
  const { path } = stack.use(makeTemporaryFolder());
  chmodSync(path, 0o755);
  const ignored = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  const volumes: string[] = [];
  const ports: string[] = [];
  let command: readonly string[] = [];
  let healthCheck: readonly string[] = [];

  for (const { name, text } of readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'))) {
    if (name === 'FROM') {
      const [, alias = 'last'] = /^node:24-slim(?: AS (\w+))?$/.exec(text) ?? unknown(name, text);
      stage = { path: join(path, alias), workdir: '/', user: 'root', env: {} };
      stages.set(alias, stage);
      const node = join(stage.path, 'usr/local/bin/node');
      linkFile(process.execPath, node);
      continue;
    }
    if (stage === undefined) throw new Error('the file does not begin with FROM');
    switch (name) {
      case 'WORKDIR':
        stage.workdir = resolve(stage.workdir, text);
        mkdirSync(join(stage.path, stage.workdir), { recursive: true });
        break;
      case 'ENV':
        for (const pair of text.split(' ')) {
          const [, key, value] = /^(\w+)=(\S+)$/.exec(pair) ?? unknown(name, text);
          stage.env[key ?? ''] = value ?? '';
        }
        break;
      case 'COPY':
        copy(stage, text, stages, ignored);
        break;
      case 'RUN':
        await runStep(stage, text);
        break;
      case 'USER':
        stage.user = text;
        break;
      case 'VOLUME':
        volumes.push(text);
        break;
      case 'EXPOSE':
        ports.push(text);
        break;
      case 'HEALTHCHECK':
        healthCheck = JSON.parse(/^(?:--[a-z-]+=\d+s )*CMD (\[.*\])$/.exec(text)?.[1] ?? '') as string[];
        break;
      case 'CMD':
        command = JSON.parse(text) as string[];
        break;
      default:
        unknown(name, text);
    }
  }
  if (stage === undefined) throw new Error('the file is empty');
  const last = stage;
  const kept = stack.move();
  return {
    path: last.path,
    user: last.user,
    env: last.env,
    volumes,
    ports,
    command,
    healthCheck,
    run: (words, env = {}) => start(last, words, env),
    [Symbol.dispose]: () => kept.dispose(),
  };
}

function unknown(name: string, text: string): never {
  throw new Error(`this builder does not know: ${name} ${text}`);
}

/** Copies from the folder of the project, or from another stage. */
function copy(
  stage: Stage,
  text: string,
  stages: ReadonlyMap<string, Stage>,
  ignored: readonly string[],
): void {
  const words = text.split(' ');
  const flags = words.filter((word) => word.startsWith('--'));
  const [, from] = /^--from=(\w+)$/.exec(flags.find((flag) => flag.startsWith('--from')) ?? '') ?? [];
  const owner = flags.includes('--chown=node:node') ? nobody : null;
  const paths = words.filter((word) => !word.startsWith('--'));
  const target = resolve(stage.workdir, paths.at(-1) ?? '');
  for (const source of paths.slice(0, -1)) {
    const origin = from === undefined ? join(root, source) : join(stages.get(from)?.path ?? '', source);
    const isFolder = lstatSync(origin).isDirectory();
    // A folder's content goes into the target; a file goes into a target that ends with a slash.
    const to = join(stage.path, target, isFolder || !paths.at(-1)?.endsWith('/') ? '' : source);
    mkdirSync(isFolder ? to : dirname(to), { recursive: true });
    for (const name of isFolder ? readdirSync(origin) : ['']) {
      if (from === undefined && ignored.some((pattern) => matchesGlob(name, pattern))) continue;
      cpSync(join(origin, name), join(to, name), { recursive: true, verbatimSymlinks: true });
    }
    if (owner !== null && isRoot) chownSync(to, owner, owner);
  }
}

async function runStep(stage: Stage, text: string): Promise<void> {
  if (text === 'npm ci') {
    const folder = join(stage.path, stage.workdir);
    linkFolder(join(root, 'node_modules'), join(folder, 'node_modules'), ['.cache']);
    return;
  }
  const step = start({ ...stage, user: 'root' }, ['sh', '-c', text], {});
  const { code } = await step.ended;
  if (code !== 0) throw new Error(`RUN ${text} ended with ${code}: ${step.printed()}`);
}

function start(
  stage: Stage,
  [program = '', ...args]: readonly string[],
  more: Readonly<Record<string, string>>,
): RunningCommand {
  const inImage = (value: string) => (value.startsWith('/') ? join(stage.path, value) : value);
  const own = Object.entries(stage.env).map(([name, value]) => [name, inImage(value)]);
  // A program is looked up in this process's path.
  const path = [join(stage.path, 'usr/local/bin'), process.env.PATH].join(':');
  const child = spawn(program === 'node' ? join(stage.path, 'usr/local/bin/node') : program, args, {
    cwd: join(stage.path, stage.workdir),
    env: { PATH: path, HOME: '/nonexistent', ...Object.fromEntries(own), ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(isRoot && stage.user !== 'root' ? { uid: nobody, gid: nobody } : {}),
  });
  const stop = () => void child.kill('SIGKILL');
  process.once('exit', stop);
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (printed += chunk));
  return {
    printed: () => printed,
    kill: (signal) => void child.kill(signal),
    ended: new Promise((resolvePromise, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        process.off('exit', stop);
        resolvePromise({ code, signal });
      });
    }),
  };
}
