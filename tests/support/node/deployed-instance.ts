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

/** A process of a function, as the platform runs it. */
export type Instance = {
  readonly pid: number;
  /** Resolves to its port on 127.0.0.1, when it takes requests. */
  readonly ready: Promise<number>;
  readonly ended: Promise<Ending>;
  /** How many streams the app holds in it. It must not be frozen. */
  streams(): Promise<number>;
  /** Stops it where it is. */
  freeze(): void;
  /** Lets it go on. */
  thaw(): void;
  /** Tells it to end, and 500 ms later ends it. */
  stop(): Promise<Ending>;
  /** Ends it at once. @throws Error when it had ended by itself, or printed a secret or what nobody expects. */
  end(): Promise<void>;
};

/** What the platform gives a process. */
const fileDescriptors = 1_024;
const stopMs = 500;

/** A cold start takes about a second; a machine that does much else takes longer. */
const readyWithinMs = 60_000;

const main = fileURLToPath(new URL('./instance-main.ts', import.meta.url));
const mainFiles = [main, join(dirname(main), 'instance-message.ts')];

/** What a process prints only when something is wrong with it. */
const surprise =
  /unexpected error|unhandled|uncaught|MaxListeners|failed to pipe|Warning:|ERR_ACCESS_DENIED/i;

/** A test that timed out never leaves its scope: what it started is ended here, frozen or not. */
const running = new Set<ChildProcess>();
const endRunning = () => {
  for (const child of running) child.kill('SIGKILL');
};
afterAll(endRunning);
process.on('exit', endRunning);

/**
 * Starts a process for the function in `folder`. It can read that folder and write its own temporary one, and nothing
 * else; it finds no packages but those in the folder.
 * @param env the project's settings.
 * @param temporary folder it may write to, made where it is missing.
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
  let isToldToEnd = false;
  let hasFailed = false;
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (printed += text));
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      hasFailed = !isToldToEnd;
      resolve({ code, signal });
    });
  });
  const failed = ended.then(() => {
    throw new Error(`an instance ended instead of taking requests; it printed: ${printed}`);
  });
  const ready = within('an instance takes requests', readyWithinMs, Promise.race([portOf(child), failed]));
  // Told by whoever waits for it.
  for (const promise of [failed, ready]) promise.catch(() => undefined);

  return {
    pid: child.pid ?? 0,
    ready,
    ended,
    streams: createStreamCounter(child),
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      isToldToEnd = true;
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
      const ending = await ended;
      clearTimeout(timer);
      return ending;
    },
    async end() {
      isToldToEnd = true;
      child.kill('SIGKILL');
      await ended;
      checkNoSecret(printed, 'what an instance printed');
      if (hasFailed) throw new Error(`an instance ended by itself; it printed: ${printed}`);
      if (surprise.test(printed)) throw new Error(`an instance printed what nobody expects: ${printed}`);
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

/** The port it tells when it takes requests. */
function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on('message', (message: InstanceMessage) => {
      if ('port' in message) resolve(message.port);
    });
  });
}

/** Gives what asks a process for its streams. */
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
