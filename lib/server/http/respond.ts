import { inspect } from 'node:util';
import type { Settings } from '../../config/settings.ts';
import { FeedError, type FeedErrorCode, statusOf } from '../../core/feed-error.ts';
import { escapeControlCharacters } from '../../core/safe-text.ts';
import { type Problem, refusedFrame } from '../../core/sse-frames.ts';
import { findRuntime, getRuntime, type Runtime } from '../runtime.ts';

/** How a route answers each method it takes. */
export type Methods = {
  readonly GET: Handler;
  readonly HEAD?: Handler;
  readonly POST?: Handler;
};

export type Handler = (request: Request, runtime: Runtime) => Promise<Response>;

/** Makes the one handler of a route, for every method: those not taken are refused with 405. */
export function answerWith(
  methods: Methods,
  refuseWith: (error: FeedError, request: Request) => Response = refuse,
  runtimeOf: () => Runtime = getRuntime,
): (request: Request) => Promise<Response> {
  const allowed = [...Object.keys(methods), 'OPTIONS'].join(', ');
  return async (request) => {
    let allowedOrigins: readonly string[] = [];
    let response: Response;
    try {
      const runtime = runtimeOf();
      allowedOrigins = runtime.settings.allowedOrigins;
      if (request.method === 'OPTIONS') return answerOptions(request, allowed, allowedOrigins);
      response = await handlerOf(methods, request.method, allowed)(request, runtime);
    } catch (cause) {
      const error = toFeedError(cause);
      response = refuseWith(error, request);
      if (error.code === 'method-not-allowed') response.headers.set('allow', allowed);
    }
    // Nothing is to be made of an answer but what its type says, and nothing at all by a page of another origin that does
    // not ask as the allowed do (Fetch standard, "Cross-Origin-Resource-Policy").
    response.headers.set('x-content-type-options', 'nosniff');
    response.headers.set('cross-origin-resource-policy', 'same-origin');
    return allowOrigin(request, response, allowedOrigins);
  };
}

function handlerOf(methods: Methods, method: string, allowed: string): Handler {
  if (method === 'GET' || method === 'HEAD' || method === 'POST') {
    const handler = methods[method];
    if (handler !== undefined) return handler;
  }
  throw new FeedError('method-not-allowed', `${method} is not allowed here; allowed are ${allowed}`);
}

/** Lets a browser page of one of `allowedOrigins` read an answer. */
function allowOrigin(request: Request, response: Response, allowedOrigins: readonly string[]): Response {
  if (allowedOrigins.length === 0) return response;
  response.headers.append('vary', 'Origin');
  const origin = request.headers.get('origin');
  if (origin === null || !allowedOrigins.includes(origin)) return response;
  response.headers.set('access-control-allow-origin', origin);
  response.headers.set('access-control-expose-headers', 'ETag, Retry-After');
  return response;
}

/** Answers `OPTIONS`, a browser's preflight too. @param methods what the route takes. */
function answerOptions(request: Request, methods: string, allowedOrigins: readonly string[]): Response {
  const headers = new Headers({ allow: methods, 'cache-control': 'private, no-store' });
  const response = allowOrigin(request, new Response(null, { status: 204, headers }), allowedOrigins);
  if (!response.headers.has('access-control-allow-origin')) return response;
  response.headers.set('access-control-allow-methods', 'GET, HEAD');
  response.headers.set(
    'access-control-allow-headers',
    'Authorization, Last-Event-ID, If-None-Match, Cache-Control',
  );
  response.headers.set('access-control-max-age', '86400');
  return response;
}

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
function refuse(error: FeedError): Response {
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

/** A JWT, and what a header or a query calls a token. */
const token = /\beyJ[\w-]+\.[\w-]*\.[\w-]*|(?<=\bBearer +)\S+|(?<=[?&]token=)[^&\s'"]+/gi;

/**
 * Writes to the server's own log what nobody foresaw. Whoever made the error's text, it is one entry: its later lines
 * are indented, controls are escaped, tokens and the settings that are secret left out.
 */
export function noteError(error: unknown): void {
  const settings = findRuntime()?.settings ?? null;
  console.error(`steadfeed: unexpected error ${entryOf(inspect(error), settings)}`);
}

function entryOf(text: string, settings: Settings | null): string {
  let entry = text;
  for (const secret of secretsOf(settings)) {
    // Inside of an object it is written with quotes and escapes.
    for (const written of [secret, inspect(secret).slice(1, -1), JSON.stringify(secret).slice(1, -1)]) {
      entry = entry.replaceAll(written, '[secret]');
    }
  }
  return entry.replace(token, '[token]').split('\n').map(escapeControlCharacters).join('\n    ');
}

function secretsOf(settings: Settings | null): readonly string[] {
  if (settings === null) return [];
  const { redis, publishToken, previousPublishToken, readTokenSecret } = settings;
  const secrets = [redis?.token, redis?.url, publishToken, previousPublishToken, readTokenSecret];
  return secrets.filter((secret) => typeof secret === 'string');
}
