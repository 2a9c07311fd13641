import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** File descriptors of a process that are sockets, whatever they are for. Linux only. */
export function countSockets(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((fd) => isSocket(join(folder, fd))).length;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    // It was closed since the folder was read.
    return false;
  }
}

/** Memory a process holds now, in bytes. Linux only. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) * 1_024;
}

/** The letter of a process's state: `T` while it is stopped. Linux only. */
export function readState(pid: number): string | undefined {
  return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
}

/** A process, and all that it and those have started. Linux only. */
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
    // It has ended since the folder was read.
    return null;
  }
}

/** Whether any process holds the end at `port` of the TCP connection between two ports of 127.0.0.1. Linux only. */
export function isHeld(port: number, peerPort: number): boolean {
  const address = (wanted: number) => `0100007F:${wanted.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [, local, peer] = fields;
    // What a process has let go of has no inode, while the kernel still sends what was written.
    if (local === address(port) && peer === address(peerPort)) return fields[9] !== '0';
  }
  return false;
}
