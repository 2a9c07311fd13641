import { readSettings, type Settings } from '../../config/settings.ts';
import { escapeControlCharacters } from '../../core/safe-text.ts';
import { createSqliteLog } from '../../log/sqlite/sqlite-log.ts';
import { findRuntime } from '../runtime.ts';
import { boundAnswers, boundBodies } from './socket-limits.ts';
import { boundRequests, closeIdleConnections, keepProtocol, watchSockets } from './sockets.ts';

/** How long streams may go on after a handover, where the process owns its sockets; and on the platform, which gives 500 ms. */
export const stopMs = { own: 1_500, platform: 200 } as const;

/** A stop that has not come to its end by then is forced. */
export const forceMs = 4_000;

/** How often connections are closed that have become idle since the stop. */
const idleEveryMs = 100;

/**
 * Prepares the process, once, ahead of its first request. A setting that cannot be read stops it with its name, unless
 * the platform runs it: there every route says so.
 */
export function startProcess(): void {
  const isVercel = process.env.VERCEL === '1';
  try {
    checkLog(readSettings(process.env));
  } catch (error) {
    if (isVercel) return;
    console.error(`steadfeed: ${whatIsWrong(error)}`);
    // An error thrown here would leave the server running, answering 500.
    process.exit(1);
  }
  if (!isVercel) {
    watchSockets();
    boundRequests();
    boundBodies();
    boundAnswers();
  }
  if (!isVercel && process.env.NODE_ENV === 'production') keepProtocol();
  process.once('SIGTERM', () => stop(isVercel));
  if (!isVercel) process.once('SIGINT', () => stop(isVercel));
}

/** A file of the embedded log that cannot be used is told at once, and not to the first reader only. */
function checkLog({ redis, isVercel, feedDb, retention }: Settings): void {
  if (redis !== null || isVercel) return;
  try {
    createSqliteLog({ file: feedDb, retention }).close();
  } catch (error) {
    // Every request is told so until it can be used, which may be soon.
    console.error(`steadfeed: ${whatIsWrong(error)}`);
  }
}

function whatIsWrong(error: unknown): string {
  return escapeControlCharacters(error instanceof Error ? error.message : 'the settings cannot be read');
}

function stop(isVercel: boolean): void {
  const runtime = findRuntime();
  runtime?.stopping.abort();
  for (const stream of runtime?.streams ?? []) {
    stream.handOver('stopping', isVercel ? stopMs.platform : stopMs.own);
  }
  if (isVercel) return;
  setInterval(closeIdleConnections, idleEveryMs).unref();
  // Not unref'd: the process must end even when something else hangs.
  setTimeout(() => process.exit(143), forceMs);
}
