import { wait } from '../../core/clock.ts';
import { FeedError, statusOf } from '../../core/feed-error.ts';
import { refusedFrame } from '../../core/sse-frames.ts';
import { outsideRequest } from '../node/outside-request.ts';
import { currentConnection } from '../node/sockets.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { planDeadline, secondsLeft } from '../stream/deadline.ts';
import { EventStream, type Positions } from '../stream/event-stream.ts';
import type { Lease } from '../tail/tails.ts';
import { checkReadAccess, readTokenOf } from './access.ts';
import { problemOf, problemResponse, retryAfterMs } from './problem.ts';
import { parseStreamQuery, type ReadQuery } from './read-query.ts';
import { createRouteHandler } from './route-handler.ts';
import { addEpochs, resolveStart, startFromMemory } from './start-position.ts';

/** How long the route waits for the log before it sends the first byte, in ms: a failure until then can still be a 503. */
export const firstAnswerMs = 1_000;

/**
 * The handler of `/api/stream`.
 * @param maxDurationSeconds the route's `maxDuration`, the platform's limit on one request.
 */
export function streamRoute(
  maxDurationSeconds: number,
  runtimeOf: () => Runtime = getRuntime,
): (request: Request) => Promise<Response> {
  return createRouteHandler(
    {
      GET: (request, runtime) => openStream(request, runtime, maxDurationSeconds),
      // The framework would derive HEAD from GET, and leave a stream open that nobody reads.
      HEAD: async (request, runtime) => {
        await parseAndCheck(request, runtime);
        return new Response(null, { headers: headersFor(request) });
      },
    },
    runtimeOf,
    (error, request) => refuseStream(error, request.headers.get('accept')),
  );
}

async function openStream(request: Request, runtime: Runtime, maxDurationSeconds: number): Promise<Response> {
  const { settings, clock, tails, streams, admission, stopping } = runtime;
  // Read first: after an await, the asynchronous context may be another one.
  const connection = currentConnection();
  const { query, access } = await parseAndCheck(request, runtime);
  const { signal } = request;
  if (stopping.signal.aborted)
    throw new FeedError('stopping', 'This process is stopping. Connect again: another process answers.');
  const releaseSlot = admission.takeSlot(request, query.channels);
  const limitSeconds = secondsLeft(settings.streamMaxSeconds ?? maxDurationSeconds, clock.now());
  const { stream, start } = outsideRequest(() => {
    const leases = query.channels.map((channel) => tails.lease(channel));
    const start = startOf(runtime, query, leases);
    const stream = new EventStream({
      tails: leases.map(({ tail }) => tail),
      start,
      types: query.types,
      clock,
      heartbeatMs: Math.min(settings.heartbeatMs, query.heartbeatMs),
      deadline: planDeadline(limitSeconds, clock.random()),
      tokenEndsInMs: access.endsAt === null ? null : access.endsAt - clock.now(),
      connection,
      // In a full process, the next stream of this reader would be refused otherwise, and its events would pause.
      onHandover: releaseSlot,
      onEnd() {
        streams.delete(stream);
        releaseSlot();
        for (const lease of leases) lease.release();
      },
    });
    return { stream, start };
  });
  streams.add(stream);
  signal.addEventListener('abort', () => stream.abandon(), { once: true });
  try {
    if (start instanceof Promise) await Promise.race([start, wait(clock, firstAnswerMs, signal)]);
  } catch (error) {
    stream.abandon();
    throw error;
  }
  if (signal.aborted) stream.abandon();
  return new Response(stream.body, { headers: headersFor(request) });
}

async function parseAndCheck(request: Request, { settings, clock }: Runtime) {
  const query = parseStreamQuery(new URL(request.url).searchParams, request.headers.get('last-event-id'));
  const access = await checkReadAccess(request, query.channels, settings.readTokenSecret, clock.now());
  return { query, access };
}

/**
 * Where the stream starts. If memory has it, as for a reader that comes back, the stream starts at once; if not, when the
 * log has answered.
 */
function startOf(
  { log }: Runtime,
  { channels, start }: ReadQuery,
  leases: readonly Lease[],
): Positions | Promise<Positions> {
  const tailOf = (channel: string) => {
    const tail = leases.find((lease) => lease.tail.channel === channel)?.tail;
    if (tail === undefined) throw new Error(`no tail for channel ${channel}`);
    return tail;
  };
  // While a tail is not ready for the reader's position, the log is asked at the same time.
  const from = (channel: string) => (start.kind === 'cursor' && start.cursor.get(channel)) || null;
  const endInMemory = (channel: string) =>
    tailOf(channel).isReady(from(channel)) ? tailOf(channel).end() : null;
  const known = startFromMemory(channels, start, endInMemory);
  if (known !== null) return known;
  const tailsReady = Promise.all(leases.map(({ tail }) => tail.ready(from(tail.channel))));
  const endOf = (channel: string) => tailOf(channel).end();
  // The log itself knows where a rewind starts. It is asked at once: after the tails, a slow log would be waited for twice.
  if (start.kind === 'rewind') {
    const rewound = resolveStart(log, channels, start, endOf);
    return Promise.all([rewound, tailsReady]).then(([positions]) => positions);
  }
  const withEpochs = addEpochs(log, start, endInMemory);
  return Promise.all([withEpochs, tailsReady]).then(([start]) => resolveStart(log, channels, start, endOf));
}

/**
 * The refusal of a stream. A reader that accepts `text/event-stream` and nothing else is a native EventSource, which gives
 * up for ever on any status but 200: it gets 429 and 503 inside a stream.
 */
export function refuseStream(error: FeedError, accept: string | null): Response {
  const status = statusOf(error.code);
  const isNative = accept !== null && /^\s*text\/event-stream\s*(;[^,]*)?$/i.test(accept);
  if (!isNative || (status !== 429 && status !== 503)) return problemResponse(error);
  const body = refusedFrame(problemOf(error), retryAfterMs(error) ?? 5_000);
  return new Response(body, { headers: privateStreamHeaders });
}

function headersFor(request: Request): HeadersInit {
  return readTokenOf(request) === null ? streamHeaders : privateStreamHeaders;
}

/** `no-transform` keeps proxies that compress, and Next's own compression, from holding bytes back. */
const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/** For a stream that only its reader may have: the request had a token, or it is refused. */
const privateStreamHeaders = {
  ...streamHeaders,
  'cache-control': 'private, no-store, no-transform',
} as const;
