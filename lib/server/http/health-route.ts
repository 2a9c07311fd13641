import { wait } from '../../core/clock.ts';
import { version } from '../../core/sse-frames.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { answerWith } from './respond.ts';

/** A log that takes longer than this is as good as gone. */
export const patienceMs = 2_000;

/** `/api/health`: whether the log answers, and what this process holds. */
export function healthRoute(runtimeOf: () => Runtime = getRuntime): (request: Request) => Promise<Response> {
  return answerWith({ GET: answerHealth, HEAD: answerHead }, undefined, runtimeOf);
}

async function answerHealth(_request: Request, { log, clock, streams, tails }: Runtime): Promise<Response> {
  const startedAt = clock.elapsed();
  const isUp = await Promise.race([log.ends([]).then(yes, no), wait(clock, patienceMs).then(no)]);
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

async function answerHead(request: Request, runtime: Runtime): Promise<Response> {
  const { status, headers } = await answerHealth(request, runtime);
  return new Response(null, { status, headers });
}

const yes = () => true;
const no = () => false;
