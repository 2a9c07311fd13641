import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchServer } from '../bench/bench-server.ts';
import { checkLog, checkPages, readStored } from './check-log.ts';
import { logFile, readState, settle, startFuzzServer, surprisesIn } from './fuzz-server.ts';
import { makeModel } from './model.ts';
import type { Tally } from './run-fuzz.ts';
import { failureText, type Run, runFuzz } from './run-fuzz.ts';

/** What came of a run. */
export type FuzzResult = {
  readonly tally: Tally;
  /** The failures as text, each with the command that sends its request again. */
  readonly failures: readonly string[];
  /** Number of events in the log. */
  readonly storedCount: number;
  readonly heldKb: { readonly before: number; readonly after: number };
};

/** Options of a run, besides what it sends. */
export type FuzzWays = {
  /** Whether to wait for the tails, which stay open for 20 s. */
  readonly awaitsTails: boolean;
  /** Called at once for each failure. */
  readonly tell: (failure: string) => void;
};

/** Starts the app, sends the requests of a run, and compares the state after it with the state before. */
export async function fuzzApp(run: Run, { awaitsTails, tell }: FuzzWays): Promise<FuzzResult> {
  const folder = mkdtempSync(join(tmpdir(), 'steadfeed-fuzz-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const failures: string[] = [];
  const fail = (text: string) => {
    failures.push(text);
    tell(text);
  };
  try {
    await using server = await startFuzzServer(folder);
    await warm(server);
    const before = await readState(server);
    const model = makeModel();
    const tally = await runFuzz(run, server, model, (failure) => fail(failureText(failure, run.seed)));
    const patience = { withinMs: awaitsTails ? 40_000 : 5_000, awaitsTails };
    for (const fault of await settle(server, before, patience)) fail(`after the run: ${fault}`);
    const stored = readStored(logFile(folder));
    const inLog = [...checkLog(stored, model), ...(await checkPages(server.port, stored))];
    for (const fault of inLog.slice(0, 20)) fail(`the log: ${fault}`);
    for (const line of surprisesIn(server.printed())) fail(`the server printed: ${line}`);
    const after = await server.heldKb();
    return { tally, failures, storedCount: stored.length, heldKb: { before: before.heldKb, after } };
  } finally {
    remove();
    process.off('exit', remove);
  }
}

/** Sends some requests first, because every process grows with its first answers. */
async function warm({ port }: BenchServer): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    for (const path of ['/', '/api/health', '/api/events?limit=0', '/nowhere']) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
      await response.arrayBuffer();
    }
  }
}
