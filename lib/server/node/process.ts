import { readSettings, type Settings } from '../../config/settings.ts';
import { createSqliteLog } from '../../log/sqlite/sqlite-log.ts';
import { messageOf, printLine } from '../log-line.ts';
import { findRuntime, readChannelRules, stopRuntime } from '../runtime.ts';
import {
  answerUnreadableRequests,
  closeStalledConnections,
  ignoreUpgrades,
  limitBodies,
  limitPipelining,
  limitRequestTime,
  refuseUnknownMethods,
} from './socket-limits.ts';
import { closeIdleConnections, trackConnections } from './sockets.ts';

/** The process exits this long after SIGTERM, whatever is still open, in ms. */
export const forceMs = 4_000;

/** How often the stopping process closes connections that have become idle, in ms. */
const closeIdleEveryMs = 100;

/**
 * Prepares the process, once, before its first request. An invalid setting stops the process with the name of the
 * variable; on Vercel every route reports it instead.
 */
export async function startProcess(): Promise<void> {
  const isVercel = process.env.VERCEL === '1';
  if (hasCollector(process.env))
    await import('./telemetry.ts').then(({ startTelemetry }) => startTelemetry());
  try {
    const settings = readSettings(process.env);
    readChannelRules(settings);
    checkLog(settings);
  } catch (error) {
    if (isVercel) return;
    printLine('error', 'misconfigured', `steadfeed: ${messageOf(error)}`);
    // If this threw instead, the server would go on and answer 500.
    process.exit(1);
  }
  if (!isVercel) {
    trackConnections();
    answerUnreadableRequests();
    limitRequestTime();
    limitPipelining();
    limitBodies();
    closeStalledConnections();
    refuseUnknownMethods();
  }
  if (!isVercel && process.env.NODE_ENV === 'production') ignoreUpgrades();
  process.once('SIGTERM', () => stop(isVercel));
  if (!isVercel) process.once('SIGINT', () => stop(isVercel));
}

/** Whether the environment names a collector of OpenTelemetry; the last one is the platform's. */
function hasCollector(env: NodeJS.ProcessEnv): boolean {
  return Boolean(
    env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.VERCEL_OTEL_ENDPOINTS,
  );
}

/** Reports at the start, and not only to the first reader, that the file of the embedded log cannot be used. */
function checkLog({ redis, isVercel, feedDb, retention }: Settings): void {
  if (redis !== null || isVercel) return;
  try {
    createSqliteLog({ file: feedDb, retention }).close();
  } catch (error) {
    // The process goes on: each request gets this error until the file can be used, which may be soon.
    printLine('error', 'log-unusable', `steadfeed: ${messageOf(error)}`);
  }
}

function stop(isVercel: boolean): void {
  const runtime = findRuntime();
  if (runtime !== null) stopRuntime(runtime);
  if (isVercel) return;
  setInterval(closeIdleConnections, closeIdleEveryMs).unref();
  // Not unref'd: the process must end even if something hangs.
  setTimeout(() => process.exit(143), forceMs);
}
