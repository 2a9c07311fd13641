import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, freemem, hostname, loadavg, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { hostsChannel } from '../../app/_feed/state/demo-channels.ts';
import { wait } from '../../lib/core/clock.ts';
import type { DemoEvent, DemoLife, DemoPublish } from './job.ts';

const run = promisify(execFile);

const reportEveryMs = 2_000;
/** A host that has sent no report for this many seconds leaves the table. */
const hostTtlSeconds = 10;

/** What a machine, or one of its processes, has used so far. */
type Usage = {
  /** The number of the process, which another one of the same name does not have; 0: a whole machine. */
  readonly pid: number;
  /** For how long cores have worked for it, in ms. */
  readonly busyMs: number;
  readonly memoryBytes: number;
  /** Average number of runnable processes in the last minute; null: it is no whole machine. */
  readonly load: number | null;
};

/** One measurement: the usage of each subject so far, and the total time of all cores, busy and idle, in ms. */
export type Look = { readonly coreMs: number; readonly usages: ReadonlyMap<string, Usage> };

/** The name of this machine, as a subject can have it. */
export function hostName(): string {
  const name = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '');
  return name.slice(0, 100) || 'this-machine';
}

/**
 * Publishes what a machine and some of its processes use, until the signal aborts.
 * @param look measures them: `lookAt`.
 * @returns why publishing failed; null: it did not.
 */
export async function publishHost(
  look: () => Promise<Look>,
  publish: DemoPublish,
  { clock, signal }: DemoLife,
): Promise<string | null> {
  let before = await look();
  while (!signal.aborted) {
    await wait(clock, reportEveryMs, signal);
    if (signal.aborted) return null;
    const now = await look();
    const failure = await publish(hostEvents(before, now));
    if (failure !== null) return signal.aborted ? null : failure;
    before = now;
  }
  return null;
}

/** One event for each machine and process that was there at both looks: the part of all cores that it used between them. */
export function hostEvents(before: Look, now: Look): readonly DemoEvent[] {
  const coreMs = now.coreMs - before.coreMs;
  return [...now.usages].flatMap(([subject, { pid, busyMs, memoryBytes, load }]) => {
    const earlier = before.usages.get(subject);
    if (earlier?.pid !== pid || coreMs <= 0) return [];
    const part = Math.min(1, Math.max(0, (busyMs - earlier.busyMs) / coreMs));
    const data = {
      busyPercent: round(part * 100),
      memoryMegabytes: round(memoryBytes / 1e6),
      load: load === null ? null : Number(load.toFixed(2)),
    };
    return [{ channel: hostsChannel, type: 'host', subject, ttlSeconds: hostTtlSeconds, data }];
  });
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

/**
 * Measures this machine and some of its processes.
 * @param name the subject of the machine. That of a process is `<name>:<process>`.
 * @param processes the names of the processes, and their numbers. One that cannot be measured is left out.
 */
export async function lookAt(name: string, processes: ReadonlyMap<string, number>): Promise<Look> {
  const times = cpus().map((core) => core.times);
  const coreMs = times.reduce(
    (sum, { user, nice, sys, irq, idle }) => sum + user + nice + sys + irq + idle,
    0,
  );
  const busyMs = coreMs - times.reduce((sum, { idle }) => sum + idle, 0);
  const memoryBytes = totalmem() - freemem();
  const machine = { pid: 0, busyMs, memoryBytes, load: loadavg()[0] ?? null };
  const usages = new Map<string, Usage>([[name, machine]]);
  for (const [process, pid] of processes) {
    const usage = await readProcess(pid);
    if (usage !== null) usages.set(`${name}:${process}`, usage);
  }
  return { coreMs, usages };
}

/** What a process has used; null: this system does not tell, or the process has ended. */
async function readProcess(pid: number): Promise<Usage | null> {
  try {
    if (process.platform !== 'linux') {
      const { stdout } = await run('ps', ['-o', 'time=,rss=', '-p', String(pid)], { timeout: 5_000 });
      return readPsLine(pid, stdout);
    }
    // `ps` of Linux tells whole seconds only. See proc_pid_stat(5): a tick is 10 ms.
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    // The name of the program is in brackets, and may have spaces and brackets. Then comes field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    if (kilobytes === undefined) return null;
    return { pid, busyMs: ticks * 10, memoryBytes: Number(kilobytes) * 1_024, load: null };
  } catch {
    return null;
  }
}

/** Reads a line of `ps -o time=,rss=` of macOS: `  61:02.50  48256`, minutes, seconds, and 1,024 bytes each. */
export function readPsLine(pid: number, line: string): Usage | null {
  const [, minutes, seconds, kilobytes] = /^\s*(\d+):(\d\d\.\d\d)\s+(\d+)\s*$/.exec(line) ?? [];
  if (kilobytes === undefined) return null;
  const busyMs = (Number(minutes) * 60 + Number(seconds)) * 1_000;
  return { pid, busyMs, memoryBytes: Number(kilobytes) * 1_024, load: null };
}
