import { FeedError } from '../../core/feed-error.ts';
import type { RedisAddress } from '../../core/redis-address.ts';

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

/**
 * Turns the error of a connection that could not be opened, or was lost, into a FeedError. Most of them are mistakes in
 * REDIS_URL, and the text says which.
 */
export function connectionFailure(
  error: unknown,
  { kind, isEncrypted }: Pick<RedisAddress, 'kind' | 'isEncrypted'>,
): FeedError {
  if (!(error instanceof Error)) return toFeedError(error);
  // The driver wraps a refusal that comes before any command, and the last failure of the Sentinels.
  const [, inner = ''] = /Last error: (.*)$/s.exec(error.message) ?? [];
  if (error.message.startsWith('All sentinels are unreachable')) return sentinelFailure(inner, isEncrypted);
  if (inner !== '') return refusalToFeedError(inner);
  const code = codeOf(error) ?? '';
  if (certificatePattern.test(code)) return unavailable(certificateReason, code);
  if (isEncrypted && /^(ETIMEDOUT|EPROTO|ERR_SSL_[A-Z_]+)$/.test(code)) {
    const plain = kind === 'single' ? 'redis://' : `redis+${kind}://`;
    return unavailable(`${handshakeReason} ${plain} in REDIS_URL.`, code);
  }
  return toFeedError(error);
}

/** The codes of Node and of OpenSSL for certificates, for example DEPTH_ZERO_SELF_SIGNED_CERT. */
const certificatePattern = /CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE/;

const certificateReason =
  'shows a certificate that is not trusted. Give Node the file of its authority: NODE_EXTRA_CA_CERTS.';
const handshakeReason = 'did not complete the TLS handshake. If it is not encrypted, write';
const sentinelLoginReason =
  'is behind Sentinels that refuse the login. Check sentinel_username and sentinel_password in REDIS_URL.';
const sentinelNameReason = 'is not known to the Sentinels. Check the name at the end of REDIS_URL.';
const noSentinelReason = 'cannot be found: another program answers at the address of the Sentinel.';
const deadSentinelReason = 'cannot be found: no Sentinel answers. Check the addresses in REDIS_URL.';
const encryptedSentinelReason =
  'cannot be found: no Sentinel answers over TLS. Check its certificate (NODE_EXTRA_CA_CERTS), or write redis+sentinel:// if it is not encrypted.';
const rightsReason = 'does not allow its user to run';

/** @param text the last failure of the Sentinels that were asked. */
function sentinelFailure(text: string, isEncrypted: boolean): FeedError {
  const [label = 'sentinel'] = /^[A-Z]{3,20}\b/.exec(text) ?? [];
  if (/^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH)\b/.test(text)) return unavailable(sentinelLoginReason, label);
  if (/^ERR No such master/.test(text)) return unavailable(sentinelNameReason, label);
  if (/^ERR unknown command/.test(text)) return unavailable(noSentinelReason, label);
  // The driver does not say why.
  return unavailable(isEncrypted ? encryptedSentinelReason : deadSentinelReason, label);
}

/** Makes the error for commands that a user of Redis may not run. */
export function missingRights(commands: readonly string[]): FeedError {
  const cause = new RefusalOfAll('NOPERM');
  const message = `Redis ${rightsReason} ${commands.join(', ')} on the keys and channels of the feed. Give the user the rights that docs/deploy.md lists.`;
  return new FeedError('log-unavailable', message, { cause, retryAfterSeconds: 30 });
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
    // Inside a script: Redis 7.0, and 7.2 or newer.
    pattern: /^(ERR )?(The user executing the script can't|ACL failure in script)/,
    message:
      'does not allow its user to run a command of the feed. Give the user the rights that docs/deploy.md lists.',
    retryAfterSeconds: 30,
    isForAll: false,
  },
  {
    pattern:
      /^(WRONGPASS|NOAUTH|Unauthorized|ERR AUTH|ERR invalid password|ERR Protocol error: unauthenticated)\b/,
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
    pattern: /^ERR unknown command/i,
    message: 'does not know a command of the feed: another program answers there, or a Sentinel.',
    retryAfterSeconds: 30,
    isForAll: false,
  },
  {
    pattern: /^ERR (DB index is out of range|invalid DB index|SELECT is not allowed)/,
    message: 'does not have the database that REDIS_URL names. Check the number at its end.',
    retryAfterSeconds: 30,
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
