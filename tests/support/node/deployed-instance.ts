import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { Ending } from './app-process.ts';
import type { DeployedFunction } from './deployed-function.ts';
import { within } from './eventually.ts';
import type { InstanceMessage, InstanceQuestion } from './instance-message.ts';
import { checkNoSecret, keepSecretSettings } from './secrets.ts';

/** A process of a function. It runs as on the platform. */
export type Instance = {
  readonly pid: number;
  /** Resolves to its port on 127.0.0.1 when it accepts requests. */
  readonly ready: Promise<number>;
  readonly ended: Promise<Ending>;
  /** The number of open streams in it. Do not call it while the instance is frozen. */
  streams(): Promise<number>;
  /** Suspends the process. */
  freeze(): void;
  /** Resumes the process. */
  thaw(): void;
  /** Sends SIGTERM, and kills it 500 ms later. */
  stop(): Promise<Ending>;
  /** Kills it. @throws Error if it ended by itself before, or printed a secret, an unexpected error or a warning. */
  end(): Promise<void>;
};

/** Limits of the platform for a process. */
const fileDescriptors = 1_024;
const stopMs = 500;

/** A cold start takes about a second, and longer on a busy machine. */
const readyWithinMs = 60_000;

const main = fileURLToPath(new URL('./instance-main.ts', import.meta.url));
const mainFiles = [main, join(dirname(main), 'instance-message.ts')];

/** Text that a healthy process never prints. */
const unexpectedText =
  /unexpected error|unhandled|uncaught|MaxListeners|failed to pipe|Warning:|ERR_ACCESS_DENIED/i;

/** The started processes. A test that times out never leaves its scope, so its processes are ended here. */
const running = new Set<ChildProcess>();
const endRunning = () => {
  for (const child of running) child.kill('SIGKILL');
};
afterAll(endRunning);
process.on('exit', endRunning);

/**
 * Starts a process for the function in `folder`. It can only read that folder and only write its own temporary folder.
 * It finds only the packages in `folder`.
 * @param env the settings of the project.
 * @param temporary the folder that it may write to; created if it is missing.
 */
export function startInstance(
  folder: string,
  entry: Pick<DeployedFunction, 'handler' | 'kind'>,
  env: Readonly<Record<string, string>>,
  temporary: string,
): Instance {
  keepSecretSettings(env);
  const child = spawnInstance(folder, entry, env, temporary);
  let printed = '';
  let isStopRequested = false;
  let hasFailed = false;
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (printed += text));
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      hasFailed = !isStopRequested;
      resolve({ code, signal });
    });
  });
  const failed = ended.then(() => {
    throw new Error(`an instance ended before it accepted requests; it printed: ${printed}`);
  });
  const ready = within('an instance accepts requests', readyWithinMs, Promise.race([portOf(child), failed]));
  // The caller that awaits `ready` gets the error.
  for (const promise of [failed, ready]) promise.catch(() => undefined);

  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    streams: createStreamCounter(child),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      isStopRequested = true;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      const ending = await ended;
      clearTimeout(timer);
      return ending;
    },
    async end() {
      isStopRequested = true;
      child.kill('SIGKILL');
      await ended;
      checkNoSecret(printed, 'the output of an instance');
      if (hasFailed) throw new Error(`an instance ended by itself; it printed: ${printed}`);
      if (unexpectedText.test(printed))
        throw new Error(`an instance printed an unexpected error or warning: ${printed}`);
    },
  };
}

function spawnInstance(
  folder: string,
  { handler, kind }: Pick<DeployedFunction, 'handler' | 'kind'>,
  env: Readonly<Record<string, string>>,
  temporary: string,
): ChildProcess {
  mkdirSync(temporary, { recursive: true });
  const readable = [...mainFiles, folder, temporary].map((path) => `--allow-fs-read=${path}`);
  const permissions = ['--permission', ...readable, `--allow-fs-write=${temporary}`];
  const limited = ['-c', `ulimit -n ${fileDescriptors}; exec "$0" "$@"`, process.execPath];
  const child = spawn('sh', [...limited, ...permissions, main, join(folder, handler), kind], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      NODE_ENV: 'production',
      NEXT_PRIVATE_PRELOAD_ENTRIES: '1',
      TZ: ':UTC',
      TMPDIR: temporary,
      VERCEL: '1',
      VERCEL_ENV: 'production',
      VERCEL_REGION: 'iad1',
      ...env,
    },
  });
  running.add(child);
  return child;
}

/** The port that it sends when it accepts requests. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on('message', (message: InstanceMessage) => {
      if ('port' in message) resolve(message.port);
    });
  });
}

/** Makes the function that asks a process for its number of streams. */
function createStreamCounter(child: ChildProcess): () => Promise<number> {
  const answers = new Map<number, (streams: number) => void>();
  let asked = 0;
  child.on('message', (message: InstanceMessage) => {
    if ('answer' in message) answers.get(message.answer)?.(message.streams);
  });
  return () => {
    asked += 1;
    const question: InstanceQuestion = { ask: asked };
    const answer = new Promise<number>((resolve) => answers.set(question.ask, resolve));
    child.send(question);
    return within('an instance counts its streams', 30_000, answer);
  };
}
