import { hash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { errors, jwtVerify } from 'jose';
import type { Settings } from '../../config/settings.ts';
import { FeedError } from '../../core/feed-error.ts';
import { isName, isPublic } from '../../core/ids.ts';

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

/**
 * Checks that a request may publish: it carries the publish token or the one before it, or none is set and this is no
 * production, where only what is on this site may.
 * @throws FeedError `publishing-off`, `forbidden`, or `unauthorized`.
 */
export function checkPublishAccess(
  request: Request,
  {
    publishToken,
    previousPublishToken,
    isProduction,
  }: Pick<Settings, 'publishToken' | 'previousPublishToken' | 'isProduction'>,
): void {
  if (publishToken === null) {
    if (isProduction) throw publishingOff();
    checkOwnSite(request);
    return;
  }
  const token = bearerOf(request);
  if (token !== null && isEither(token, publishToken, previousPublishToken)) return;
  throw new FeedError('unauthorized', 'publishing needs the header Authorization: Bearer <PUBLISH_TOKEN>');
}

function publishingOff(): FeedError {
  return new FeedError(
    'publishing-off',
    'publishing is off until the variable PUBLISH_TOKEN is set on the server',
  );
}

/** Without a token a browser would publish for any page that it shows. */
function checkOwnSite(request: Request): void {
  if (isOwnSite(request.headers)) return;
  throw new FeedError(
    'forbidden',
    'without a PUBLISH_TOKEN only this site’s own pages and programs on it may publish, at localhost or an address; set one to publish from elsewhere',
  );
}

/** Compares with both, where there are two, in constant time; digests first, so that lengths do not show either. */
function isEither(token: string, newest: string, previous: string | null): boolean {
  const given = digest(token);
  const isNewest = timingSafeEqual(given, digest(newest));
  const isPrevious = previous !== null && timingSafeEqual(given, digest(previous));
  return isNewest || isPrevious;
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/** The token of `Authorization: Bearer <token>`; null where the request has none. */
function bearerOf(request: Request): string | null {
  return /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? null;
}

/**
 * Whether a request comes from a page of this server itself, or from no page at all. Browsers say
 * it by `Origin` and `Sec-Fetch-Site` (Fetch standard; Fetch Metadata), which no page can change.
 *
 * A name that its owner lets lead to this machine for a moment ("DNS rebinding") makes his page look like ours: so the
 * server must have been asked for as localhost or by its address, which no one else can name.
 */
function isOwnSite(headers: Headers): boolean {
  const origin = headers.get('origin');
  const host = headers.get('host');
  const isOwnOrigin = origin === null || (URL.canParse(origin) && new URL(origin).host === host);
  return isOwnOrigin && headers.get('sec-fetch-site') !== 'cross-site' && (host === null || isOfHere(host));
}

function isOfHere(host: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || isIP(hostname.replace(/^\[|\]$/g, '')) > 0
  );
}
