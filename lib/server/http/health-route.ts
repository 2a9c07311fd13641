import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { wait } from '../../core/clock.ts';
import { version } from '../../core/sse-frames.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { checkReadAccess } from './access.ts';
import { createRouteHandler } from './route-handler.ts';

/** The log counts as unavailable if it takes longer than this to answer, in ms. */
export const logTimeoutMs = 2_000;

/** The handler of `/api/health`: whether the log answers, and what this process holds. */
export function healthRoute(runtimeOf: () => Runtime = getRuntime): (request: Request) => Promise<Response> {
  return createRouteHandler({ GET: getHealth, HEAD: headHealth }, runtimeOf);
}

async function getHealth(_request: Request, runtime: Runtime): Promise<Response> {
  const { log, clock, streams, tails } = runtime;
  const startedAt = clock.elapsed();
  const openness = readAccess(runtime);
  const logAnswers = log.ends([]).then(
    () => true,
    () => false,
  );
  const timeout = wait(clock, logTimeoutMs).then(() => false);
  const isUp = await Promise.race([logAnswers, timeout]);
  const latencyMs = Math.round((clock.elapsed() - startedAt) * 10) / 10;
  const body = {
    status: isUp ? 'ok' : 'log-unavailable',
    log: {
      kind: log.kind,
      latencyMs: isUp ? latencyMs : null,
      ...(log.mayEvict() && { mayEvict: true }),
    },
    access: await Promise.race([openness, timeout.then(() => 'restricted')]),
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
