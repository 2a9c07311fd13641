import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, type ClientRequest, get, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { buildOnce } from '../build-once.ts';
import { findFreePort } from '../demo/free-port.ts';
import type { Values } from './constants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const streams = 500;
const events = 20;
const polls = 2_000;

/** What a process of the app takes on this machine: the constants of the kind `measured`. */
export type Measures = Pick<
  Values,
  'baseMB' | 'readerKB' | 'cpuMsPerOpen' | 'cpuMsPerDelivery' | 'cpuMsPerPoll'
>;

/** Empty counts as not set, and keeps a file `.env.local` from setting it: nobody's data are touched. */
const unset = {
  UPSTASH_REDIS_REST_URL: '',
  UPSTASH_REDIS_REST_TOKEN: '',
  KV_REST_API_URL: '',
  KV_REST_API_TOKEN: '',
  PUBLISH_RATE: '',
  READ_TOKEN_SECRET: '',
  STREAM_MAX_SECONDS: '',
  STREAM_MAX_CONNECTIONS: '',
  VERCEL: '',
};

/**
 * Starts the built app with an embedded log, holds 500 streams, publishes an event a second to all of them, and polls.
 * Linux only: it reads `/proc`.
 * @throws Error when the app cannot be built or started.
 */
export async function measure(): Promise<Measures> {
  await buildOnce();
  const folder = mkdtempSync(join(tmpdir(), 'steadfeed-scale-'));
  const port = await findFreePort(0);
  const url = `http://127.0.0.1:${port}`;
  const next = join(root, 'node_modules/next/dist/bin/next');
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [next, 'start', '-p', String(port), '-H', '127.0.0.1'], {
    cwd: root,
    stdio: 'ignore',
    env: {
      NODE_ENV: 'production',
      PATH,
      HOME,
      ...unset,
      FEED_DB: join(folder, 'feed.db'),
      PUBLISH_TOKEN: 'scale',
    },
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  try {
    return await measureApp(url, child.pid ?? 0);
  } finally {
    kill();
    await ended;
    process.off('exit', kill);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureApp(url: string, pid: number): Promise<Measures> {
  await untilReady(url);
  await publish(url, 0);
  const idleMB = residentKB(pid) / 1_024;
  // The first streams pay for what every process pays once.
  const open = [...(await openStreams(url, 50))];
  const before = { memoryKB: residentKB(pid), cpuMs: cpuMs(pid) };
  open.push(...(await openStreams(url, streams - 50)));
  await sleep(2_000);
  const opened = { memoryKB: residentKB(pid), cpuMs: cpuMs(pid) };
  for (let number = 1; number <= events; number += 1) {
    await publish(url, number);
    await sleep(1_000);
  }
  const told = { cpuMs: cpuMs(pid) };
  for (const stream of open) stream.destroy();
  await sleep(1_000);
  const released = cpuMs(pid);
  await pollMany(url);
  return {
    baseMB: idleMB,
    readerKB: (opened.memoryKB - before.memoryKB) / (streams - 50),
    cpuMsPerOpen: (opened.cpuMs - before.cpuMs) / (streams - 50),
    cpuMsPerDelivery: (told.cpuMs - opened.cpuMs) / (streams * events),
    cpuMsPerPoll: (cpuMs(pid) - released) / polls,
  };
}

async function untilReady(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      if ((await fetch(`${url}/api/health`)).ok) return;
    } catch {
      // It does not listen yet.
    }
    await sleep(100);
  }
  throw new Error('the app did not start within 20 s');
}

async function publish(url: string, number: number): Promise<void> {
  const { ok, status } = await fetch(`${url}/api/events`, {
    method: 'POST',
    headers: { authorization: 'Bearer scale', 'content-type': 'application/json' },
    body: JSON.stringify({ data: { number, text: 'x'.repeat(200) } }),
  });
  if (!ok) throw new Error(`publishing was answered ${status}`);
}

function openStreams(url: string, count: number): Promise<readonly ClientRequest[]> {
  return Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ClientRequest>((resolve, reject) => {
          const asked = request(`${url}/api/stream`, { agent: false });
          asked.on('error', reject);
          asked.on('response', (response) => {
            response.on('error', () => undefined);
            response.once('data', () => resolve(asked));
            response.resume();
          });
          asked.end();
        }),
    ),
  );
}

async function pollMany(url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const cursor = await new Promise<string>((resolve, reject) => {
    get(`${url}/api/events`, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(JSON.parse(text).cursor));
    }).on('error', reject);
  });
  const poll = () =>
    new Promise<void>((resolve, reject) => {
      get(`${url}/api/events?after=${cursor}`, { agent }, (response) => {
        response.on('end', resolve);
        response.resume();
      }).on('error', reject);
    });
  await Promise.all(Array.from({ length: polls }, poll));
  agent.destroy();
}

function residentKB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Processor time so far; the kernel counts it in hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
