const mark: unique symbol = Symbol.for('steadfeed.error');

/**
 * The only error that this project throws on purpose. The other side of the connection gets its message, so it names the
 * wrong part, the limit and what to do, and never contains a driver's text or a secret.
 */
export class FeedError extends Error {
  /** Checks a mark instead of the class, because Next loads this module once for pages and once for routes. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && mark in value;
  }

  get [mark](): true {
    return true;
  }

  readonly code: FeedErrorCode;
  readonly retryAfterSeconds: number | null;

  constructor(
    code: FeedErrorCode,
    message: string,
    options: {
      /** The error underneath, for the server's own log. It never leaves the process. */
      readonly cause?: unknown;
      /** After how many seconds a retry can succeed; the server sends it as `Retry-After`. */
      readonly retryAfterSeconds?: number;
    } = {},
  ) {
    super(message, options);
    this.name = 'FeedError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

export type FeedErrorCode = keyof typeof statuses;

/** The HTTP status of an answer with this code. */
export function statusOf(code: FeedErrorCode): number {
  return statuses[code];
}

/** Every reason to refuse a request, and its HTTP status. This is the only place that maps a code to a status. */
const statuses = {
  'bad-request': 400,
  unauthorized: 401,
  forbidden: 403,
  'publishing-off': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'channel-ended': 409,
  'too-many-subjects': 409,
  'too-large': 413,
  'unsupported-media-type': 415,
  'data-does-not-fit': 422,
  'key-reused': 422,
  'rate-limited': 429,
  'internal-error': 500,
  stopping: 503,
  'too-many-streams': 503,
  'log-unavailable': 503,
  'access-unavailable': 503,
  misconfigured: 503,
} as const;
