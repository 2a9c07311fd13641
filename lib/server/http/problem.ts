import { inspect } from 'node:util';
import { secretsIn } from '../../config/settings.ts';
import { FeedError, type FeedErrorCode, statusOf } from '../../core/feed-error.ts';
import { escapeControlCharacters, escapeLineEnds } from '../../core/safe-text.ts';
import type { Problem } from '../../core/sse-frames.ts';
import { printLine } from '../log-line.ts';

/** Turns anything that was thrown into a `FeedError`. An unexpected error goes to the server's own log, not to the client. */
export function toFeedError(error: unknown): FeedError {
  if (error instanceof FeedError) return error;
  logUnexpectedError(error);
  return new FeedError('internal-error', 'Unexpected error. The server has logged it.', { cause: error });
}

/** The response for an error: `application/problem+json` (RFC 9457). It is never cached. */
export function problemResponse(error: FeedError): Response {
  const problem = problemOf(error);
  const headers = new Headers({
    'content-type': 'application/problem+json; charset=utf-8',
    'cache-control': 'private, no-store',
  });
  const afterMs = retryAfterMs(error);
  if (afterMs !== null) headers.set('retry-after', String(Math.ceil(afterMs / 1_000)));
  if (error.code === 'unauthorized') headers.set('www-authenticate', 'Bearer');
  return new Response(escapeLineEnds(JSON.stringify(problem)), { status: problem.status, headers });
}

/** The problem that explains an error to the client. */
export function problemOf(error: FeedError): Problem {
  return {
    type: `urn:steadfeed:problem:${error.code}`,
    title: titles[error.code],
    status: statusOf(error.code),
    detail: error.message,
  };
}

/**
 * When the client may retry, in ms from now; null: a retry does not help. With a rate limit the time is the caller's own.
 * A 503 reaches many clients at once: each gets a random time from that to twice as much, or all would come back together.
 */
export function retryAfterMs(error: FeedError): number | null {
  const seconds = error.retryAfterSeconds ?? retryAfterSeconds[error.code];
  if (seconds === undefined) return null;
  const spread = statusOf(error.code) === 503 ? 1 + Math.random() : 1;
  return Math.ceil(seconds * 1_000 * spread);
}

const titles: Record<FeedErrorCode, string> = {
  'bad-request': 'The request is malformed',
  unauthorized: 'A valid token is required',
  forbidden: 'This is not allowed',
  'publishing-off': 'Publishing is off',
  'not-found': 'Nothing was found here',
  'method-not-allowed': 'The method is not allowed here',
  'channel-ended': 'The channel has ended',
  'too-many-subjects': 'The channel has too many subjects',
  'too-large': 'The request is too large',
  'unsupported-media-type': 'The content type is not supported',
  'data-does-not-fit': 'The data does not fit its type',
  'key-reused': 'The idempotency key was used for other events',
  'rate-limited': 'Too many requests',
  'internal-error': 'Unexpected error on the server',
  stopping: 'This process is stopping',
  'too-many-streams': 'Too many open streams',
  'log-unavailable': 'The log is unavailable',
  'access-unavailable': 'Access could not be checked',
  misconfigured: 'The server is not configured correctly',
};

/** Seconds until a retry makes sense, if the error does not say. */
const retryAfterSeconds: Partial<Record<FeedErrorCode, number>> = {
  'rate-limited': 5,
  stopping: 1,
  'too-many-streams': 5,
  'log-unavailable': 2,
  'access-unavailable': 5,
  misconfigured: 30,
};

/**
 * Writes an unexpected error to the server's own log. It is one entry, whatever its text contains: later lines are indented,
 * control characters are escaped, and tokens and secret settings are left out.
 */
export function logUnexpectedError(error: unknown): void {
  printLine('error', 'unexpected-error', `steadfeed: unexpected error ${entryOf(inspect(error))}`);
}

/** A JWT, and what a header or a query calls a token. */
const token = /\beyJ[\w-]+\.[\w-]*\.[\w-]*|(?<=\bBearer +)\S+|(?<=[?&]token=)[^&\s'"]+/gi;

function entryOf(text: string): string {
  let entry = text;
  for (const secret of secretsIn(process.env)) {
    // Inside an object it is written with quotes and escapes.
    for (const written of [secret, inspect(secret).slice(1, -1), JSON.stringify(secret).slice(1, -1)]) {
      entry = entry.replaceAll(written, '[secret]');
    }
  }
  return entry.replace(token, '[token]').split('\n').map(escapeControlCharacters).join('\n    ');
}
