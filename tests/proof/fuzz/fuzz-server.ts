import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unsetSettings } from '../../../scripts/build-app.ts';
import { root } from '../../support/root.ts';
import { type BenchServer, startServer } from '../bench/bench-server.ts';
import { fuzzSecrets } from './secrets.ts';

/** Starts the production app with a log of its own in `folder`, which keeps all events. */
export function startFuzzServer(folder: string): Promise<BenchServer> {
  const next = join(root, 'node_modules/next/dist/bin/next');
  return startServer([next, 'start', '-p', '0', '-H', '127.0.0.1'], root, {
    ...unsetSettings,
    PUBLISH_TOKEN: fuzzSecrets.publishToken,
    READ_TOKEN_SECRET: fuzzSecrets.readSecret,
    FEED_DB: logFile(folder),
    FEED_RETENTION: '10000000',
    // A line for each stream that ends is no surprise.
    LOG_LEVEL: 'warn',
  });
}

/** The file of the server's log. */
export function logFile(folder: string): string {
  return join(folder, 'feed.db');
}

/** The resources of a server. */
export type ServerState = {
  readonly streams: number;
  readonly tails: number;
  /** Open files, sockets and pipes. Linux only. */
  readonly handles: number;
  /** Memory on and off the heap after garbage collection. */
  readonly heldKb: number;
};

/** The resources of a server now. */
export async function readState(server: BenchServer): Promise<ServerState> {
  const { streams, tails } = await readHealth(server);
  return {
    streams,
    tails,
    handles: readdirSync(`/proc/${server.pid}/fd`).length,
    heldKb: await server.heldKb(),
  };
}

async function readHealth({ port }: BenchServer) {
  const response = await fetch(`http://127.0.0.1:${port}/api/health`, { headers: { connection: 'close' } });
  return (await response.json()) as { readonly streams: number; readonly tails: number };
}

/** How much more a server may hold after the run: sockets that are closing, and filled caches. */
const bounds = { handles: 5, heldKb: 40_000 } as const;

/** How long to wait. `awaitsTails`: also for the tails, which stay open for 20 s after their last reader. */
export type Patience = { readonly withinMs: number; readonly awaitsTails: boolean };

/** Waits until a server has released its resources. @returns what it still holds. */
export async function settle(
  server: BenchServer,
  before: ServerState,
  patience: Patience,
): Promise<readonly string[]> {
  for (const endMs = Date.now() + patience.withinMs; ; await sleep(200)) {
    const { streams, tails } = await readHealth(server);
    const handles = readdirSync(`/proc/${server.pid}/fd`).length;
    const faults: string[] = [];
    if (streams > before.streams) faults.push(`${streams} streams are open without a reader`);
    if (patience.awaitsTails && tails > before.tails) faults.push(`${tails} tails are open without a reader`);
    if (handles > before.handles + bounds.handles)
      faults.push(`${handles} handles are open; before the run ${before.handles} were`);
    if (faults.length > 0 && Date.now() < endMs) continue;
    const heldKb = await server.heldKb();
    if (heldKb > before.heldKb + bounds.heldKb)
      faults.push(
        `${Math.round(heldKb)} KB of memory are used; before the run ${Math.round(before.heldKb)} were`,
      );
    return faults;
  }
}

/** Lines that a server prints when it starts and when it reports its memory. */
const expected = /^\s*$|▲ Next\.js|- (?:Local|Network):|✓ |holds \d+ bytes/;

/** The framework prints this, before our code runs, for a target that is not a URL, such as `http://[`. */
const wordToNoUrl = /^TypeError: Invalid URL\n(?: +at .*\n)* +code: .ERR_INVALID_URL.,\n +input: .*\n\}$/gm;

/** The unexpected lines in the output of a server. */
export function surprisesIn(printed: string): readonly string[] {
  return printed
    .replace(wordToNoUrl, '')
    .split('\n')
    .filter((line) => !expected.test(line));
}
