/**
 * Every way a request can be refused, and the HTTP status each is told with.
 * The one place where a code becomes a status.
 */
const statuses = {
  'bad-request': 400,
  unauthorized: 401,
  forbidden: 403,
  'publishing-off': 403,
  'not-found': 404,
  'method-not-allowed': 405,
  'too-large': 413,
  'unsupported-media-type': 415,
  'data-does-not-fit': 422,
  'key-reused': 422,
  'rate-limited': 429,
  'internal-error': 500,
  stopping: 503,
  'too-many-streams': 503,
  'log-unavailable': 503,
  misconfigured: 503,
} as const;

export type FeedErrorCode = keyof typeof statuses;

export type FeedErrorOptions = {
  /** What went wrong underneath. For the server's own log; it never leaves the process. */
  readonly cause?: unknown;
  /** Seconds after which trying again makes sense; told as `Retry-After`. */
  readonly retryAfterSeconds?: number;
};

const mark: unique symbol = Symbol.for('steadfeed.error');

/**
 * The only error this project throws on purpose. Its message is written for the person at the other
 * end: which part was wrong and what is allowed, never a driver's text or a secret.
 */
export class FeedError extends Error {
  /** By a mark, because in Next page and routes are separate instances of this module, and share one log. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && mark in value;
  }

  get [mark](): true {
    return true;
  }

  readonly code: FeedErrorCode;
  readonly retryAfterSeconds: number | null;

  constructor(code: FeedErrorCode, message: string, options: FeedErrorOptions = {}) {
    super(message, options);
    this.name = 'FeedError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/** The HTTP status a code is told with. */
export function statusOf(code: FeedErrorCode): number {
  return statuses[code];
}
