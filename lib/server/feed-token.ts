import { errors, jwtVerify, SignJWT } from 'jose';
import type { ReadToken } from '../core/access.ts';
import { FeedError } from '../core/feed-error.ts';
import { isName } from '../core/ids.ts';
import { excerpt } from '../core/safe-text.ts';

/*
 * Read tokens: JWTs with the claims `channels` and `exp`, signed by HS256 with `READ_TOKEN_SECRET`. An app creates them for its
 * users; the server verifies them.
 */

/** What a new read token allows. */
export type FeedTokenOptions = {
  /** At least one: names of channels, and beginnings of names followed by `*`, such as `order.7.*`. */
  readonly channels: readonly string[];
  /** The user, as claim `sub`. Browser tabs whose tokens have the same subject and channels share one connection. */
  readonly subject?: string;
  /** How long the token is valid: a whole number from 1 to 31,622,400 (366 days). Only a new secret can end it earlier. */
  readonly ttlSeconds: number;
  /** Default: `READ_TOKEN_SECRET`. */
  readonly secret?: string;
};

/** The longest life of a token. */
export const maxTtlSeconds = 366 * 86_400;

/** A browser refuses a cookie whose name and value have more than 4,096 bytes (RFC 6265bis). */
const maxCharacters = 4_000;

/**
 * Creates a read token. Give it to a user by `getToken` or as the cookie `feed_token`.
 * @throws FeedError `bad-request` if an option is outside its limit; `misconfigured` if there is no secret.
 */
export async function createFeedToken({
  channels,
  subject,
  ttlSeconds,
  secret = process.env.READ_TOKEN_SECRET,
}: FeedTokenOptions): Promise<string> {
  if (channels.length === 0) throw refuse('channels is empty. Name at least one channel, such as order.7.*');
  const wrong = channels.find((pattern) => !isPattern(pattern));
  if (wrong !== undefined) {
    const shown = excerpt(String(wrong));
    throw refuse(
      `channels: "${shown}" is not a channel. Use a channel name, or the start of one followed by *.`,
    );
  }
  if (subject === '') throw refuse('subject is empty. Name the user, or leave the option out.');
  if (!(Number.isInteger(ttlSeconds) && ttlSeconds > 0 && ttlSeconds <= maxTtlSeconds)) {
    throw refuse(`ttlSeconds is ${ttlSeconds}. Use a whole number from 1 to ${maxTtlSeconds} (366 days).`);
  }
  if (!secret) {
    throw new FeedError(
      'misconfigured',
      'READ_TOKEN_SECRET is not set. Set it in .env.local to the secret that the app uses.',
    );
  }
  const iat = Math.floor(Date.now() / 1_000);
  const claims = { channels: [...channels], iat, exp: iat + ttlSeconds };
  const token = await new SignJWT(subject === undefined ? claims : { ...claims, sub: subject })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .sign(new TextEncoder().encode(secret));
  if (token.length <= maxCharacters) return token;
  throw refuse(
    `The token would have ${token.length} characters; a cookie holds at most ${maxCharacters}. Name fewer channels: order.7.* allows all that begin with order.7.`,
  );
}

/** How far the clocks of the server that signs a token and of this one may differ. */
const clockToleranceSeconds = 30;

/** The last time that a Date can say, in ms (ECMAScript, "Time Values and Time Range"). A token may end later. */
const maxTimeMs = 8.64e15;

/**
 * Verifies a read token.
 * @param now Unix time in ms.
 * @throws FeedError `unauthorized`, which says why.
 */
export async function verifyFeedToken(token: string, secret: string, now: number): Promise<ReadToken> {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
      algorithms: ['HS256'],
      requiredClaims: ['exp'],
      currentDate: new Date(now),
      clockTolerance: clockToleranceSeconds,
    });
    return {
      channels: patternsOf(payload.channels),
      until: new Date(Math.min(((payload.exp ?? 0) + clockToleranceSeconds) * 1_000, maxTimeMs)),
    };
  } catch (cause) {
    throw new FeedError('unauthorized', whyRefused(cause), { cause });
  }
}

function whyRefused(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return 'The read token has expired. Get a new one.';
  const isEarly = cause instanceof errors.JWTClaimValidationFailed && cause.claim === 'nbf';
  if (isEarly) return 'The read token is not valid yet: its claim nbf is in the future. Use it later.';
  return 'The read token is not valid. Send a JWT that is signed with HS256 and has the claims channels and exp.';
}

function patternsOf(claim: unknown): readonly string[] {
  if (Array.isArray(claim) && claim.every(isPattern)) return claim;
  throw new TypeError('the claim channels is not a list of names');
}

/** Whether a text is a name, a beginning of names followed by `*`, or `*`. */
function isPattern(text: unknown): text is string {
  return typeof text === 'string' && (text === '*' || isName(text.replace(/\*$/, '')));
}

function refuse(message: string): FeedError {
  return new FeedError('bad-request', message);
}
