import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** The number of open sockets of a process. Linux only. */
export function countSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => isSocket(join(folder, fd))).length;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    // The socket was closed after the folder was read.
    return false;
  }
}

/** The resident memory of a process, in bytes. Linux only. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) * 1_024;
}

/** The letter of a process's state: `T` is stopped. Linux only. */
export function readState(pid: number): string | undefined {
  return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
}

/** A process and all its descendants. Linux only. */
export function processesOf(pid: number): readonly number[] {
  const parents = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? [parentOf(Number(name))] : [],
  );
  const found = [pid];
  for (const parent of found) {
    for (const child of parents) if (child?.parent === parent) found.push(child.pid);
  }
  return found;
}

function parentOf(pid: number) {
  try {
    const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return { pid, parent: Number(parent) };
  } catch {
    // The process ended after the folder was read.
    return null;
  }
}

/** Whether a process still has the end at `port` of the TCP connection between two ports of 127.0.0.1. Linux only. */
export function isHeld(port: number, peerPort: number): boolean {
  const address = (wanted: number) => `0100007F:${wanted.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [, local, peer] = fields;
    // A closed socket has no inode. The kernel can list it longer, while it sends the last bytes.
    if (local === address(port) && peer === address(peerPort)) return fields[9] !== '0';
  }
  return false;
}
