import { errors, jwtVerify } from 'jose';
import { FeedError } from '../core/feed-error.ts';
import { isName, isPublic } from '../core/ids.ts';
import { bearerOf } from './bearer.ts';

/** What a request may read, and until when. */
export type ReadAccess = {
  /** Unix time in ms from which on the token is no longer taken; null where none was needed. */
  readonly endsAt: number | null;
};

/** The token a request carries: `Authorization: Bearer`, else the cookie `feed_token`, else `?token=`. Null: none. */
export function tokenOf(request: Request): string | null {
  const bearer = bearerOf(request);
  if (bearer !== null) return bearer;
  const cookie = /(?:^|; *)feed_token=([^;]+)/.exec(request.headers.get('cookie') ?? '');
  if (cookie?.[1] !== undefined) return cookie[1];
  return new URL(request.url).searchParams.get('token');
}

/**
 * Checks that a request may read all of `channels`.
 * @param secret the setting `READ_TOKEN_SECRET`; null: every channel is public.
 * @param now Unix time in ms.
 * @throws FeedError `unauthorized` without a valid token where one is needed, `forbidden` when it does not cover a channel.
 */
export async function checkReadAccess(
  request: Request,
  channels: readonly string[],
  secret: string | null,
  now: number,
): Promise<ReadAccess> {
  const closed = secret === null ? [] : channels.filter((channel) => !isPublic(channel));
  if (secret === null || closed.length === 0) return { endsAt: null };
  const token = tokenOf(request);
  if (token === null) {
    throw new FeedError(
      'unauthorized',
      `channel "${closed[0]}" is private: send a read token as Authorization: Bearer, cookie feed_token or ?token=`,
    );
  }
  const { patterns, endsAt } = await verify(token, secret, now);
  const refused = closed.find((channel) => !patterns.some((pattern) => matches(pattern, channel)));
  if (refused === undefined) return { endsAt };
  throw new FeedError(
    'forbidden',
    `the token does not allow channel "${refused}"; it allows: ${patterns.join(', ')}`,
  );
}

function matches(pattern: string, channel: string): boolean {
  return pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : channel === pattern;
}

/** How far the clocks of who signs a token and who reads it may differ. */
const clockToleranceSeconds = 30;

async function verify(token: string, secret: string, now: number) {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
      algorithms: ['HS256'],
      requiredClaims: ['exp'],
      currentDate: new Date(now),
      clockTolerance: clockToleranceSeconds,
    });
    return {
      patterns: patternsOf(payload.channels),
      endsAt: ((payload.exp ?? 0) + clockToleranceSeconds) * 1_000,
    };
  } catch (cause) {
    throw new FeedError('unauthorized', whyRefused(cause), { cause });
  }
}

function whyRefused(cause: unknown): string {
  if (cause instanceof errors.JWTExpired) return 'the read token has expired; get a new one';
  const isEarly = cause instanceof errors.JWTClaimValidationFailed && cause.claim === 'nbf';
  if (isEarly) return 'the read token is not valid yet, says its nbf';
  return 'the read token is not valid; allowed is a JWT signed with HS256 that has channels and exp';
}

/** Claim `channels`: names, or prefixes that end with `*`. */
function patternsOf(claim: unknown): readonly string[] {
  const isPattern = (text: unknown) =>
    typeof text === 'string' && (text === '*' || isName(text.replace(/\*$/, '')));
  if (Array.isArray(claim) && claim.every(isPattern)) return claim;
  throw new TypeError('claim channels is no list of names');
}
