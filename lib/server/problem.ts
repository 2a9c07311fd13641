import { FeedError, type FeedErrorCode, statusOf } from '../core/feed-error.ts';
import { type Problem, refusedFrame } from '../core/sse-frames.ts';
import { noteError } from './note-error.ts';

const titles: Record<FeedErrorCode, string> = {
  'bad-request': 'The request is malformed',
  unauthorized: 'A valid token is needed',
  forbidden: 'The token does not allow this',
  'publishing-off': 'Publishing is off',
  'not-found': 'There is nothing here',
  'method-not-allowed': 'The method is not allowed here',
  'too-large': 'The request is too large',
  'unsupported-media-type': 'The content type is not supported',
  'data-does-not-fit': 'The data does not fit its type',
  'key-reused': 'The idempotency key was used for other events',
  'rate-limited': 'Too many requests',
  'internal-error': 'Something went wrong here',
  stopping: 'This process is stopping',
  'too-many-streams': 'This process holds its maximum of streams',
  'log-unavailable': 'The log cannot be reached',
  misconfigured: 'The server is not configured',
};

/** Seconds after which trying again makes sense, where the error does not say. */
const retryAfterSeconds: Partial<Record<FeedErrorCode, number>> = {
  'rate-limited': 5,
  stopping: 1,
  'too-many-streams': 5,
  'log-unavailable': 2,
  misconfigured: 30,
};

/** Any error as one of ours. What was not thrown on purpose goes to the server's own log, and says nothing outside. */
export function toFeedError(error: unknown): FeedError {
  if (error instanceof FeedError) return error;
  noteError(error);
  return new FeedError('internal-error', 'An unexpected error; the server has noted it', { cause: error });
}

/** Tells an error as `application/problem+json` (RFC 9457). Never cached. */
export function refuse(error: FeedError): Response {
  const problem = problemOf(error);
  const headers = new Headers({
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'private, no-store',
  });
  const afterMs = retryAfterMs(error);
  if (afterMs !== null) headers.set('retry-after', String(Math.ceil(afterMs / 1_000)));
  if (error.code === 'unauthorized') headers.set('www-authenticate', 'Bearer');
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}

/**
 * Tells an error to a reader of `/api/stream`. One that accepts `text/event-stream` and nothing else is a native
 * EventSource, which gives up for ever on any status but 200: 429 and 503 are told to it inside the stream.
 */
export function refuseStream(error: FeedError, accept: string | null): Response {
  const status = statusOf(error.code);
  const isNative = accept !== null && /^\s*text\/event-stream\s*(;[^,]*)?$/i.test(accept);
  if (!isNative || (status !== 429 && status !== 503)) return refuse(error);
  const body = refusedFrame(problemOf(error), retryAfterMs(error) ?? 5_000);
  return new Response(body, { headers: ownStreamHeaders });
}

/** Headers of every event stream. `no-transform` keeps compressing proxies, Next's own too, from holding bytes back. */
export const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const;

/** Headers of an event stream that is for its reader alone: one that a token came with, or a refusal. */
export const ownStreamHeaders = {
  ...streamHeaders,
  'cache-control': 'private, no-store, no-transform',
} as const;

function problemOf(error: FeedError): Problem {
  return {
    type: `urn:steadfeed:problem:${error.code}`,
    title: titles[error.code],
    status: statusOf(error.code),
    detail: error.message,
  };
}

/**
 * When to try again. A rate limit names the caller's own time. A 503 is told to all at once: each is given a time from
 * that to twice as much, or they would come back together, again and again.
 */
function retryAfterMs(error: FeedError): number | null {
  const seconds = error.retryAfterSeconds ?? retryAfterSeconds[error.code];
  if (seconds === undefined) return null;
  const spread = statusOf(error.code) === 503 ? 1 + Math.random() : 1;
  return Math.ceil(seconds * 1_000 * spread);
}
