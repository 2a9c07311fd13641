import type { Settings } from '../../config/settings.ts';
import { wait } from '../../core/clock.ts';
import type { Cursor } from '../../core/cursor.ts';
import { FeedError, statusOf } from '../../core/feed-error.ts';
import { refusedFrame } from '../../core/sse-frames.ts';
import { isPrinted, namesForLine, printLine } from '../log-line.ts';
import { outsideRequest } from '../node/outside-request.ts';
import { currentConnection } from '../node/sockets.ts';
import { getRuntime, type Runtime } from '../runtime.ts';
import { StateReader } from '../stream/channel-state.ts';
import { planDeadline, secondsLeft } from '../stream/deadline.ts';
import { EventStream, type StreamEnd } from '../stream/event-stream.ts';
import { startOnTails } from '../stream/start-position.ts';
import type { LeasedTail } from '../tail/tail.ts';
import { type CheckedAccess, checkReadAccess, type ReadCheck } from './access.ts';
import { problemOf, problemResponse, retryAfterMs } from './problem.ts';
import { parseStreamQuery, type StreamQuery } from './read-query.ts';
import { createRouteHandler } from './route-handler.ts';

/** How long the route waits for the log before it sends the first byte, in ms: a failure until then can still be a 503. */
export const firstAnswerMs = 1_000;

/** How long a stream may go on after the handover `quiet`, in ms: a process that nobody needs is billed until then. */
export const restCloseMs = 1_000;

/**
 * The handler of `/api/stream`.
 * @param maxDurationSeconds the route's `maxDuration`, the platform's limit on one request.
 * @param check decides who may read.
 */
export function streamRoute(
  maxDurationSeconds: number,
  runtimeOf: () => Runtime = getRuntime,
  check: ReadCheck = checkReadAccess,
): (request: Request) => Promise<Response> {
  return createRouteHandler(
    {
      GET: (request, runtime) => openStream(request, runtime, check, maxDurationSeconds),
      // The framework would derive HEAD from GET, and leave a stream open that nobody reads.
      HEAD: async (request, runtime) => {
        const { access } = await parseAndCheck(request, runtime, check);
        return new Response(null, { headers: headersFor(access) });
      },
    },
    runtimeOf,
    (error, request) => refuseStream(error, request.headers.get('accept')),
  );
}

async function openStream(
  request: Request,
  runtime: Runtime,
  check: ReadCheck,
  maxDurationSeconds: number,
): Promise<Response> {
  const { settings, clock, log, tails, streams, admission, rest, metrics, stopping } = runtime;
  // Read first: after an await, the asynchronous context may be another one.
  const connection = currentConnection();
  const limitSeconds = secondsLeft(settings.streamMaxSeconds ?? maxDurationSeconds, clock.now());
  const startedAt = clock.elapsed();
  const { query, access } = await parseAndCheck(request, runtime, check);
  const { signal } = request;
  if (stopping.signal.aborted)
    throw new FeedError('stopping', 'This process is stopping. Connect again: another process answers.');
  const releaseSlot = admission.takeSlot(request, query.channels);
  // The check may have taken seconds.
  const secondsSpent = (clock.elapsed() - startedAt) / 1_000;
  const { stream, start } = outsideRequest(() => {
    const leases = query.channels.map((channel) => tails.lease(channel));
    const leased = leases.map(({ tail }) => tail);
    const state = stateReaderFor(query, runtime);
    const start = state === null ? startOnTails(log, query, leased) : startWithState(state, leased);
    let leaveRest = () => {};
    const leave = () => {
      releaseSlot();
      leaveRest();
    };
    const stream = new EventStream({
      tails: leased,
      start,
      filter: query.filter,
      isLatest: query.isLatest,
      state,
      clock,
      heartbeatMs: Math.min(settings.heartbeatMs, query.heartbeatMs),
      deadline: planDeadline(limitSeconds - secondsSpent, clock.random()),
      tokenEndsInMs: access.endsAt === null ? null : access.endsAt - clock.now(),
      connection,
      // In a full process, the next stream of this reader would be refused otherwise, and its events would pause.
      onHandover: leave,
      onSent: (events, gaps, bytes, lagMs) => metrics.sent(events, gaps, bytes, lagMs),
      onEnd(end) {
        metrics.streamsEnded.add(end.reason);
        printEnd(end, query.channels, settings);
        streams.delete(stream);
        leave();
        for (const lease of leases) lease.release();
      },
    });
    leaveRest = rest.join({
      quietMs: query.quietMs,
      isSure: () => leased.every((tail) => tail.failingForMs() === 0),
      rest: (everyMs) => stream.handOver('quiet', restCloseMs, everyMs),
    });
    return { stream, start };
  });
  streams.add(stream);
  metrics.streamsOpened.add();
  signal.addEventListener('abort', () => stream.abandon(), { once: true });
  try {
    if (start instanceof Promise) await Promise.race([start, wait(clock, firstAnswerMs, signal)]);
  } catch (error) {
    stream.abandon();
    throw error;
  }
  if (signal.aborted || connection?.socket.destroyed === true) stream.abandon();
  // A native EventSource stops at this status, and at no other that is not a failure.
  if (stream.endIfEnded()) return new Response(null, { status: 204, headers: endedHeaders });
  return new Response(stream.open(), { headers: headersFor(access) });
}

/** Reads the state that a stream sends first; null: it sends none. */
function stateReaderFor(
  { isLatest, start, channels, filter }: StreamQuery,
  runtime: Runtime,
): StateReader | null {
  const [channel] = channels;
  if (!isLatest || start.kind !== 'now' || channel === undefined) return null;
  return new StateReader(runtime, channel, filter);
}

/** Where such a stream starts. While the log is asked for the state, the tails begin to follow. */
async function startWithState(state: StateReader, tails: readonly LeasedTail[]): Promise<Cursor> {
  const [positions] = await Promise.all([state.start(), ...tails.map((tail) => tail.ready())]);
  // The answer may be a second old. If the log was lost since, its reader has just been told, and would be told again.
  const isOfThisLog = tails.every((tail) => tail.end().epoch === positions.get(tail.channel)?.epoch);
  return isOfThisLog ? positions : await state.start('fresh');
}

async function parseAndCheck(request: Request, runtime: Runtime, check: ReadCheck) {
  const query = parseStreamQuery(new URL(request.url).searchParams, request.headers.get('last-event-id'));
  const access = await check(request, query.channels, runtime);
  return { query, access };
}

function printEnd(
  { reason, durationMs, events, gaps, bytes, lag }: StreamEnd,
  channels: readonly string[],
  settings: Settings,
): void {
  const level = reason === 'stalled' || reason === 'log-unavailable' ? 'warn' : 'info';
  if (!isPrinted(level)) return;
  printLine(level, 'stream-end', 'steadfeed: A stream has ended.', {
    ...{ reason, durationMs, events, gaps, bytes },
    lagMaxMs: lag?.maxMs ?? null,
    lagMeanMs: lag?.meanMs ?? null,
    channels: namesForLine(channels, settings),
    channelCount: channels.length,
  });
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

function headersFor({ isShareable }: CheckedAccess): HeadersInit {
  return isShareable ? streamHeaders : privateStreamHeaders;
}

/** `no-transform` keeps proxies that compress, and Next's own compression, from holding bytes back. */
const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

const endedHeaders = { 'cache-control': 'private, no-store' } as const;

/** For a stream that only its reader may have, or that is refused. */
const privateStreamHeaders = {
  ...streamHeaders,
  'cache-control': 'private, no-store, no-transform',
} as const;
