import { harmless } from '../core/harmless-text.ts';
import { boundAnswers } from './answer-bounds.ts';
import { boundBodies } from './body-bounds.ts';
import { boundRequests, closeIdleConnections, keepProtocol, watchSockets } from './own-sockets.ts';
import { findRuntime } from './runtime.ts';
import { readSettings } from './settings.ts';

/** How long streams may go on after a handover, where the process owns its sockets; and on the platform, which gives 500 ms. */
const stopMs = { own: 1_500, platform: 200 } as const;

/** A stop that has not come to its end by then is forced. */
const forceMs = 4_000;

/** How often connections are closed that have become idle since the stop. */
const idleEveryMs = 100;

/**
 * Prepares the process, once, ahead of its first request. A setting that cannot be read stops it with its name, unless
 * the platform runs it: there every route says so.
 */
export function startProcess(): void {
  const isVercel = process.env.VERCEL === '1';
  try {
    readSettings(process.env);
  } catch (error) {
    if (isVercel) return;
    const reason = error instanceof Error ? error.message : 'the settings cannot be read';
    console.error(`steadfeed: ${harmless(reason)}`);
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
