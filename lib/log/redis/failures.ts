import { FeedError } from '../../core/feed-error.ts';

/**
 * Turns an error of the driver or of a socket into a FeedError. The driver's texts contain whole commands, its URL and the
 * answers of proxies, so none of its text is passed on. The `cause` has a short class of the failure, for example
 * `WRONGTYPE`, `ECONNREFUSED` or `TimeoutError`.
 */
export function toFeedError(error: unknown): FeedError {
  if (error instanceof FeedError) return error;
  if (!(error instanceof Error)) return unavailable('could not be asked.', 'unknown');
  if (error.name === 'TimeoutError') return unavailable('did not answer in time.', error.name);
  if (error.name === 'UpstashError' || error.name === 'ReplyError') return refusalToFeedError(error.message);
  if (error.name === 'UpstashJSONParseError')
    return unavailable('gave an answer that is not from its REST API. Check its URL.', error.name);
  // `fetch` gives the socket's error as the cause; or zlib's, for a body that is not compressed as its header says. A
  // TypeError without a cause comes from the driver's reading of an odd answer.
  if (error instanceof TypeError && error.cause !== undefined) {
    const code = codeOf(error.cause) ?? 'network';
    return code.startsWith('Z_') ? unreadable() : unavailable('cannot be reached.', code);
  }
  // `node:http` puts the code of a socket's failure on the error itself, `fetch` on its cause.
  const code = codeOf(error);
  if (code !== null) return unavailable('cannot be reached.', code);
  return unreadable();
}

/** Turns an error text of Redis or of Upstash into a FeedError, without the text. */
export function refusalToFeedError(text: string): FeedError {
  const label = /^[A-Z]{2,20}\b/.exec(text)?.[0] ?? 'refused';
  if (tooLargePattern.test(text)) {
    return new FeedError(
      'too-large',
      'Redis does not accept a request of this size. Send fewer or smaller events.',
      { cause: new Error(label) },
    );
  }
  const known = knownRefusals.find(({ pattern }) => pattern.test(text));
  if (known === undefined) return unavailable('answered with an error.', label);
  const cause = known.isForAll ? new RefusalOfAll(label) : new Error(label);
  const { retryAfterSeconds } = known;
  return new FeedError('log-unavailable', `Redis ${known.message}`, { cause, retryAfterSeconds });
}

/** The cause of a refusal that holds for every call, whatever it asks. */
class RefusalOfAll extends Error {}

/**
 * Whether Redis will refuse every other call too, until the time that the error names.
 * @param isProof whether the call ran a script, as all appends and reads do. A user that may not SUBSCRIBE or PING may still
 * run scripts.
 */
export function refusesAll(error: unknown, isProof: boolean): error is FeedError {
  if (!(error instanceof FeedError && error.cause instanceof RefusalOfAll)) return false;
  return isProof || error.cause.message !== 'NOPERM';
}

/** Makes the error for an answer that this log does not understand. */
export function unreadable(): FeedError {
  return unavailable('gave an answer that cannot be read.', 'unreadable');
}

/**
 * Makes the error for a Redis that failed.
 * @param message what happened, and what to do; goes after "Redis".
 * @param label a short class of the failure, for the server's own log.
 */
export function unavailable(message: string, label: string): FeedError {
  return new FeedError('log-unavailable', `Redis ${message}`, { cause: new Error(label) });
}

/*
 * Error texts of Redis itself, and of Upstash (Upstash's documentation, "Troubleshooting"), which are seen with and without
 * the leading ERR. Only the start of a text is compared, because the rest can contain words of the command.
 */
const knownRefusals: readonly {
  readonly pattern: RegExp;
  readonly message: string;
  /** After how many seconds it is worth to ask again. */
  readonly retryAfterSeconds: number;
  /** Whether every other call is refused too, so that none is made before that time. */
  readonly isForAll: boolean;
}[] = [
  {
    pattern: /^(OOM\b|(ERR )?DB capacity quota)/,
    message: 'is full. Give it more memory, or keep fewer events.',
    retryAfterSeconds: 60,
    isForAll: false,
  },
  {
    pattern: /^(ERR )?max (single record|key) size exceeded/,
    message: 'has reached the size limit of one key. Keep fewer events (FEED_RETENTION).',
    retryAfterSeconds: 60,
    isForAll: false,
  },
  {
    pattern: /^READONLY\b/,
    message: 'is read-only: its token or its server does not allow writes. Use the standard token.',
    retryAfterSeconds: 30,
    isForAll: false,
  },
  {
    pattern: /^NOPERM\b/,
    message:
      'does not allow a command: its token is read-only, or its user has too few rights. Use the standard token, or give the user all commands, keys and channels of the feed.',
    retryAfterSeconds: 30,
    isForAll: true,
  },
  {
    pattern: /^(WRONGPASS|NOAUTH|Unauthorized|ERR AUTH|ERR invalid password)\b/,
    message: 'refused its token or password. Check the token, or REDIS_URL.',
    retryAfterSeconds: 30,
    isForAll: true,
  },
  {
    pattern: /^(LOADING|BUSY|MASTERDOWN)\b/,
    message: 'is not ready: it loads its data, or runs a script of somebody else.',
    retryAfterSeconds: 2,
    isForAll: false,
  },
  {
    pattern: /^(NOREPLICAS|MISCONF)\b/,
    message: 'accepts no writes: it has too few replicas, or cannot save to its disk.',
    retryAfterSeconds: 5,
    isForAll: false,
  },
  {
    pattern: /^(CLUSTERDOWN|TRYAGAIN|ASK)\b/,
    message: 'has no node for the feed now: the cluster fails over, or moves the keys to another node.',
    retryAfterSeconds: 1,
    isForAll: false,
  },
  {
    pattern: /^(MOVED|CROSSSLOT)\b/,
    message: 'is a cluster. Write redis+cluster:// (or rediss+cluster://) in REDIS_URL.',
    retryAfterSeconds: 30,
    isForAll: false,
  },
  {
    pattern: /^ERR This instance has cluster support disabled/,
    message: 'is not a cluster. Write redis:// (or rediss://) in REDIS_URL.',
    retryAfterSeconds: 30,
    isForAll: false,
  },
  {
    pattern: /^ERR unknown command .{0,2}S(PUBLISH|SUBSCRIBE)\b/i,
    message: 'is older than version 7.0, which a cluster needs.',
    retryAfterSeconds: 60,
    isForAll: false,
  },
  {
    pattern: /^ERR max number of clients reached/,
    message: 'has too many connections.',
    retryAfterSeconds: 5,
    isForAll: false,
  },
  {
    pattern: /^WRONGTYPE\b/,
    message: 'has other data under the key of this channel. Use a database for the feed alone.',
    retryAfterSeconds: 30,
    isForAll: false,
  },
  {
    // The number of requests, or the bandwidth, of a day or a month.
    pattern: /^(ERR )?max .{0,40} limit exceeded/,
    message: 'has reached a limit of its plan.',
    retryAfterSeconds: 60,
    isForAll: true,
  },
  {
    // Another limit, such as the number of connections at the same time: it may hold for this call only.
    pattern: /^(ERR )?max .{0,40} exceeded/,
    message: 'has reached a limit of its plan.',
    retryAfterSeconds: 60,
    isForAll: false,
  },
];

const tooLargePattern = /^(ERR )?max (single )?request size exceeded/;

/** The code of a socket's error; null if it has none, or not of the usual form. */
function codeOf(cause: unknown): string | null {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  return typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? code : null;
}
