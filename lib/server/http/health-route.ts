import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wait } from '../../core/clock.ts';
import { FeedError } from '../../core/feed-error.ts';
import { version } from '../../core/sse-frames.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { checkReadAccess } from './access.ts';
import { createRouteHandler } from './route-handler.ts';

/** The log counts as unavailable if it takes longer than this to answer, in ms. */
export const logTimeoutMs = 2_000;

/** Whether the log answers in time. `problem`: why not, in words without a secret; null: it does, after `latencyMs`. */
export type LogCheck = { readonly problem: string | null; readonly latencyMs: number };

/** Asks the log whether it answers, and nothing else. No provider bills that question. */
export async function checkLog({ log, clock }: Pick<Runtime, 'log' | 'clock'>): Promise<LogCheck> {
  const askedAt = clock.elapsed();
  const isOver = new AbortController();
  const problem = await Promise.race([
    log.ends([]).then(
      () => null,
      // The text of a FeedError is made for clients: it has no secret.
      (error: unknown) => (error instanceof FeedError ? error.message : 'The log failed.'),
    ),
    wait(clock, logTimeoutMs, isOver.signal).then(
      () => `The log has not answered within ${logTimeoutMs / 1_000} s.`,
    ),
  ]);
  isOver.abort();
  return { problem, latencyMs: clock.elapsed() - askedAt };
}

/** The handler of `/api/health`: whether the log answers, and what this process holds. */
export function healthRoute(runtimeOf: () => Runtime = getRuntime): (request: Request) => Promise<Response> {
  return createRouteHandler({ GET: getHealth, HEAD: headHealth }, runtimeOf);
}

async function getHealth(_request: Request, runtime: Runtime): Promise<Response> {
  const { log, clock, streams, tails } = runtime;
  const openness = readAccess(runtime);
  const late = wait(clock, logTimeoutMs).then(() => 'restricted' as const);
  const { problem, latencyMs } = await checkLog(runtime);
  const isUp = problem === null;
  const body = {
    status: isUp ? 'ok' : 'log-unavailable',
    log: {
      kind: log.kind,
      latencyMs: isUp ? Math.round(latencyMs * 10) / 10 : null,
      ...(log.mayEvict() && { mayEvict: true }),
    },
    access: await Promise.race([openness, late]),
    streams: streams.size,
    tails: tails.count(),
    version,
    build,
  };
  return Response.json(body, { status: isUp ? 200 : 503, headers: { 'cache-control': 'private, no-store' } });
}

/** The id that `next build` has given to the build of this process; null in development. Another build has another id. */
const build = process.env.NODE_ENV === 'production' ? readBuildId() : null;

/** Read once: a later build in this folder is not the one that runs. */
function readBuildId(): string | null {
  try {
    return readFileSync(join(/* turbopackIgnore: true */ process.cwd(), '.next', 'BUILD_ID'), 'utf8').trim();
  } catch {
    // The app has another `distDir`, or the platform has left the file out.
    return null;
  }
}

/** A channel that no app calls public, so that the answer tells whether strangers may read private channels. */
const privateChannel = 'steadfeed.private-channel-check';

/** `open`: everyone may read every channel, as without `READ_TOKEN_SECRET` by the template's rule. */
function readAccess(runtime: Runtime): Promise<'open' | 'restricted'> {
  const stranger = new Request('http://health.invalid/');
  return checkReadAccess(stranger, [privateChannel], runtime).then(
    () => 'open',
    () => 'restricted',
  );
}

async function headHealth(request: Request, runtime: Runtime): Promise<Response> {
  const { status, headers } = await getHealth(request, runtime);
  return new Response(null, { status, headers });
}
