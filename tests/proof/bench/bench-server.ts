import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A measured server, in a process of its own. Ends with the scope that holds it by `await using`. */
export type BenchServer = AsyncDisposable & {
  readonly port: number;
  /** The port of its process that takes lines (`servers/inlet.ts`); null: it takes none. */
  readonly linePort: number | null;
  readonly pid: number;
  /** Its output so far, from stdout and stderr. */
  printed(): string;
  /** Its CPU time so far, user and system, in ms. */
  cpuMs(): number;
  /** How long its main thread has waited for a processor so far, in ms, because other programs used it. */
  waitedMs(): number;
  /** Its resident memory, in KB. */
  residentKb(): number;
  /** Its memory on and off the heap after garbage collection, in KB. */
  heldKb(): Promise<number>;
  /** How many spans of OpenTelemetry were in memory when `heldKb` was called last. */
  spansHeld(): number;
};

const readyWithinMs = 30_000;

/**
 * Starts a server and waits until it prints its address.
 * @param args the arguments of Node. @param env its environment, besides PATH and HOME.
 * @throws Error with its output, if it ends instead.
 */
export async function startServer(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<BenchServer> {
  const { PATH = '', HOME = '' } = process.env;
  const loaded = env.BENCH_INLET === undefined ? [collectOnSignal] : [collectOnSignal, inlet];
  const imports = loaded.flatMap((url) => ['--import', url]);
  const child = spawn(process.execPath, [...imports, ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH, HOME, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1', ...env },
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise((resolve) => child.once('close', resolve));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (printed += text));
  const port = await listening(child, () => printed);
  return {
    port,
    linePort: Number(/Inlet: (\d+)/.exec(printed)?.[1]) || null,
    pid: child.pid ?? 0,
    printed: () => printed,
    cpuMs: () => cpuMsOf(child),
    waitedMs: () => waitedMsOf(child.pid ?? 0),
    heldKb: () => held(child, () => printed),
    spansHeld: () => Number([...printed.matchAll(/(\d+) spans/g)].at(-1)?.[1] ?? Number.NaN),
    residentKb: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readProc(child, 'status'))?.[1] ?? Number.NaN),
    async [Symbol.asyncDispose]() {
      kill();
      await ended;
      process.off('exit', kill);
    },
  };
}

async function listening(child: ChildProcess, printed: () => string): Promise<number> {
  for (const endMs = Date.now() + readyWithinMs; Date.now() < endMs && child.exitCode === null; ) {
    const port = /Local: +http:\/\/127\.0\.0\.1:(\d+)/.exec(printed())?.[1];
    if (port !== undefined) return Number(port);
    await sleep(20);
  }
  child.kill('SIGKILL');
  throw new Error(`A server did not start. It printed: ${printed()}`);
}

const collectOnSignal = new URL('servers/collect-on-signal.ts', import.meta.url).href;
const inlet = new URL('servers/inlet.ts', import.meta.url).href;

async function held(child: ChildProcess, printed: () => string): Promise<number> {
  const answers = () => [...printed().matchAll(/holds (\d+) bytes/g)];
  const before = answers().length;
  child.kill('SIGUSR2');
  for (const endMs = Date.now() + readyWithinMs; Date.now() < endMs; await sleep(20)) {
    const answer = answers()[before];
    if (answer !== undefined) return Number(answer[1]) / 1_024;
  }
  throw new Error('A server did not report its memory');
}

/** The kernel counts CPU time in ticks (proc(5), "utime" and "stime"), in ms. */
export const cpuTickMs = 10;

function cpuMsOf(child: ChildProcess): number {
  const fields = readProc(child, 'stat').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * cpuTickMs;
}

/** How long the main thread of a process has waited for a processor so far, in ms (proc(5), "schedstat"). Linux only. */
export function waitedMsOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

function readProc({ pid }: ChildProcess, file: string): string {
  return readFileSync(`/proc/${pid}/${file}`, 'utf8');
}
