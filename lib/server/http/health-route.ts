import { wait } from '../../core/clock.ts';
import { version } from '../../core/sse-frames.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { createRouteHandler } from './route-handler.ts';

/** The log counts as unavailable if it takes longer than this to answer, in ms. */
export const logTimeoutMs = 2_000;

/** The handler of `/api/health`: whether the log answers, and what this process holds. */
export function healthRoute(runtimeOf: () => Runtime = getRuntime): (request: Request) => Promise<Response> {
  return createRouteHandler({ GET: getHealth, HEAD: headHealth }, runtimeOf);
}

async function getHealth(_request: Request, { log, clock, streams, tails }: Runtime): Promise<Response> {
  const startedAt = clock.elapsed();
  const logAnswers = log.ends([]).then(
    () => true,
    () => false,
  );
  const isUp = await Promise.race([logAnswers, wait(clock, logTimeoutMs).then(() => false)]);
  const latencyMs = Math.round((clock.elapsed() - startedAt) * 10) / 10;
  const body = {
    status: isUp ? 'ok' : 'log-unavailable',
    log: { kind: log.kind, latencyMs: isUp ? latencyMs : null },
    streams: streams.size,
    tails: tails.count(),
    version,
  };
  return Response.json(body, { status: isUp ? 200 : 503, headers: { 'cache-control': 'private, no-store' } });
}

async function headHealth(request: Request, runtime: Runtime): Promise<Response> {
  const { status, headers } = await getHealth(request, runtime);
  return new Response(null, { status, headers });
}
