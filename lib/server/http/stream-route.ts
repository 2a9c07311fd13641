import { wait } from '../../core/clock.ts';
import { FeedError } from '../../core/feed-error.ts';
import { outsideRequest } from '../node/outside-request.ts';
import { currentConnection } from '../node/sockets.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { planDeadline, secondsLeft } from '../stream/deadline.ts';
import { EventStream, type Positions } from '../stream/event-stream.ts';
import type { Lease } from '../tail/tails.ts';
import { checkReadAccess, readTokenOf } from './access.ts';
import { knownStart, parseReadQuery, type ReadQuery, resolveStart, settleEpochs } from './read-query.ts';
import { answerWith, ownStreamHeaders, refuseStream, streamHeaders } from './respond.ts';

/** How long the log's first answer is awaited before anything is sent, so that its failure can still be a 503. */
export const firstAnswerMs = 1_000;

/**
 * `/api/stream`.
 * @param maxDurationSeconds the route's `maxDuration`, the platform's limit on one request.
 */
export function streamRoute(
  maxDurationSeconds: number,
  runtimeOf: () => Runtime = getRuntime,
): (request: Request) => Promise<Response> {
  return answerWith(
    {
      GET: (request, runtime) => openStream(request, runtime, maxDurationSeconds),
      // Derived from GET by the framework it would leave a stream open that nobody reads.
      HEAD: async (request, runtime) => {
        await parseAndCheck(request, runtime);
        return new Response(null, { headers: headersFor(request) });
      },
    },
    (error, request) => refuseStream(error, request.headers.get('accept')),
    runtimeOf,
  );
}

async function parseAndCheck(request: Request, { settings, clock }: Runtime) {
  const query = parseReadQuery(new URL(request.url).searchParams, request.headers.get('last-event-id'));
  const access = await checkReadAccess(request, query.channels, settings.readTokenSecret, clock.now());
  return { query, access };
}

async function openStream(request: Request, runtime: Runtime, maxDurationSeconds: number): Promise<Response> {
  const { settings, clock, tails, streams, admission, stopping } = runtime;
  // Taken first: later, the asynchronous context may be another one.
  const connection = currentConnection();
  const { query, access } = await parseAndCheck(request, runtime);
  const { signal } = request;
  if (stopping.signal.aborted) throw new FeedError('stopping', 'this process is stopping; connect again');
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
      heartbeatMs: settings.heartbeatMs,
      deadline: planDeadline(limitSeconds, clock.random()),
      tokenEndsInMs: access.endsAt === null ? null : access.endsAt - clock.now(),
      connection,
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
    if (start instanceof Promise) {
      await Promise.race([start, wait(clock, firstAnswerMs, signal)]);
    }
  } catch (error) {
    stream.abandon();
    throw error;
  }
  if (signal.aborted) stream.abandon();
  return new Response(stream.body, { headers: headersFor(request) });
}

/** With a token a stream may hold what is not for everyone. */
function headersFor(request: Request): HeadersInit {
  return readTokenOf(request) === null ? streamHeaders : ownStreamHeaders;
}

/** Where the stream begins: at once where memory knows it, as for a reader that comes back; else when the log has answered. */
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
  // A tail that is not ready is not waited for: the log is asked meanwhile.
  const knownEnd = (channel: string) => (tailOf(channel).isReady() ? tailOf(channel).ring.end() : null);
  const known = knownStart(channels, start, knownEnd);
  if (known !== null) return known;
  const tailsReady = Promise.all(leases.map(({ tail }) => tail.ready()));
  const settled = settleEpochs(log, start, knownEnd);
  return Promise.all([settled, tailsReady]).then(([begin]) =>
    resolveStart(log, channels, begin, (channel) => tailOf(channel).ring.end()),
  );
}
