import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unsetSettings } from '../../../scripts/demo/demo-app.ts';
import { root } from '../../support/root.ts';
import { type BenchServer, startServer } from '../bench/bench-server.ts';
import { fuzzSecrets } from './secrets.ts';

/** Starts the production app on a log of its own in `folder`, which keeps all that is stored. */
export function startFuzzServer(folder: string): Promise<BenchServer> {
  const next = join(root, 'node_modules/next/dist/bin/next');
  return startServer([next, 'start', '-p', '0', '-H', '127.0.0.1'], root, {
    ...unsetSettings,
    PUBLISH_TOKEN: fuzzSecrets.publishToken,
    READ_TOKEN_SECRET: fuzzSecrets.readSecret,
    FEED_DB: logFile(folder),
    FEED_RETENTION: '10000000',
  });
}

/** The file that the server's log lies in. */
export function logFile(folder: string): string {
  return join(folder, 'feed.db');
}

/** What a server holds. */
export type ServerState = {
  readonly streams: number;
  readonly tails: number;
  /** Open files, sockets and pipes. Linux only. */
  readonly handles: number;
  /** On its heap and besides, when its garbage is collected. */
  readonly heldKb: number;
};

/** What a server holds now. */
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

/** How far a server may be from what it held before: a few sockets that are being closed, caches that have filled. */
const bounds = { handles: 5, heldKb: 40_000 } as const;

/** A tail lingers for 20 s when its last reader has gone. */
export type Patience = { readonly withinMs: number; readonly awaitsTails: boolean };

/** Waits until a server holds what it held before. @returns what it still holds too much of. */
export async function settle(
  server: BenchServer,
  before: ServerState,
  patience: Patience,
): Promise<readonly string[]> {
  for (const endMs = Date.now() + patience.withinMs; ; await sleep(200)) {
    const { streams, tails } = await readHealth(server);
    const handles = readdirSync(`/proc/${server.pid}/fd`).length;
    const faults: string[] = [];
    if (streams > before.streams) faults.push(`${streams} streams are held that nobody reads`);
    if (patience.awaitsTails && tails > before.tails)
      faults.push(`${tails} tails are held that nobody reads`);
    if (handles > before.handles + bounds.handles)
      faults.push(`${handles} handles are open; before: ${before.handles}`);
    if (faults.length > 0 && Date.now() < endMs) continue;
    const heldKb = await server.heldKb();
    if (heldKb > before.heldKb + bounds.heldKb)
      faults.push(`${Math.round(heldKb)} KB are held; before: ${Math.round(before.heldKb)}`);
    return faults;
  }
}

/** What a server prints when it starts, and when it is asked what it holds. */
const expected = /^\s*$|▲ Next\.js|- (?:Local|Network):|✓ |holds \d+ bytes/;

/** The framework's own word, ahead of any code of ours, to a request whose target is no URL, such as `http://[`. */
const wordToNoUrl = /^TypeError: Invalid URL\n(?: +at .*\n)* +code: .ERR_INVALID_URL.,\n +input: .*\n\}$/gm;

/** The lines that nobody expects, of what a server has printed. */
export function surprisesIn(printed: string): readonly string[] {
  return printed
    .replace(wordToNoUrl, '')
    .split('\n')
    .filter((line) => !expected.test(line));
}
