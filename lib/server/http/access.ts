import { hash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { errors, jwtVerify } from 'jose';
import { isPublic, mayRead, publishRefusal } from '../../config/access.ts';
import type { Settings } from '../../config/settings.ts';
import { FeedError } from '../../core/feed-error.ts';
import { isName } from '../../core/ids.ts';

/*
 * Reads and verifies the tokens of a request. What a verified token allows is decided by the rules in
 * `lib/config/access.ts`.
 */

/** What a request may read, and until when. */
type ReadAccess = {
  /** When the token stops being valid, as Unix time in ms; null: the request needed no token. */
  readonly endsAt: number | null;
};

/**
 * Checks that a request may read all of `channels`.
 * @param secret the setting `READ_TOKEN_SECRET`; null: every channel is public.
 * @param now Unix time in ms.
 * @throws FeedError `unauthorized` if a token is needed and there is no valid one; `forbidden` if it does not allow a channel.
 */
export async function checkReadAccess(
  request: Request,
  channels: readonly string[],
  secret: string | null,
  now: number,
): Promise<ReadAccess> {
  const closed = secret === null ? [] : channels.filter((channel) => !isPublic(channel));
  if (secret === null || closed.length === 0) return { endsAt: null };
  const token = readTokenOf(request);
  if (token === null) {
    throw new FeedError(
      'unauthorized',
      `Channel "${closed[0]}" is private. Send a read token as Authorization: Bearer, as the cookie feed_token or as ?token=.`,
    );
  }
  const { patterns, endsAt } = await verify(token, secret, now);
  const refused = closed.find((channel) => !mayRead(channel, patterns));
  if (refused === undefined) return { endsAt };
  throw new FeedError(
    'forbidden',
    `The token does not allow channel "${refused}". It allows: ${patterns.join(', ') || 'none'}.`,
  );
}

/** The read token of a request: `Authorization: Bearer`, else the cookie `feed_token`, else `?token=`. Null: none. */
export function readTokenOf(request: Request): string | null {
  const bearer = bearerOf(request);
  if (bearer !== null) return bearer;
  const cookie = /(?:^|; *)feed_token=([^;]+)/.exec(request.headers.get('cookie') ?? '');
  if (cookie?.[1] !== undefined) return cookie[1];
  return new URL(request.url).searchParams.get('token');
}

/**
 * Checks that a request may publish.
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
  const refusal = publishRefusal({
    token:
      publishToken === null ? 'not-configured' : publishTokenOf(request, publishToken, previousPublishToken),
    isProduction,
    isOwnSite: isOwnSite(request.headers),
  });
  if (refusal !== null) throw new FeedError(refusal, publishRefusalTexts[refusal]);
}

const publishRefusalTexts = {
  unauthorized: 'Publishing needs the header Authorization: Bearer <PUBLISH_TOKEN>.',
  'publishing-off':
    'Publishing is off because the server has no PUBLISH_TOKEN. Set this variable to turn it on.',
  forbidden:
    'Without PUBLISH_TOKEN only this site may publish: its own pages, and programs that use localhost or an IP address. Set PUBLISH_TOKEN on the server to publish from elsewhere.',
} as const;

/** The token of `Authorization: Bearer <token>`; null: the request has none. */
function bearerOf(request: Request): string | null {
  return /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? null;
}

/** How far the clocks of the server that signs a token and of this one may differ. */
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
  if (cause instanceof errors.JWTExpired) return 'The read token has expired. Get a new one.';
  const isEarly = cause instanceof errors.JWTClaimValidationFailed && cause.claim === 'nbf';
  if (isEarly) return 'The read token is not valid yet: its claim nbf is in the future. Use it later.';
  return 'The read token is not valid. Send a JWT that is signed with HS256 and has the claims channels and exp.';
}

/** Claim `channels`: names, or prefixes that end with `*`. */
function patternsOf(claim: unknown): readonly string[] {
  const isPattern = (text: unknown) =>
    typeof text === 'string' && (text === '*' || isName(text.replace(/\*$/, '')));
  if (Array.isArray(claim) && claim.every(isPattern)) return claim;
  throw new TypeError('the claim channels is not a list of names');
}

/** Compares with both tokens in constant time; it compares digests, so that lengths do not show either. */
function publishTokenOf(request: Request, newest: string, previous: string | null): 'valid' | 'invalid' {
  const token = bearerOf(request);
  if (token === null) return 'invalid';
  const given = digest(token);
  const isNewest = timingSafeEqual(given, digest(newest));
  const isPrevious = previous !== null && timingSafeEqual(given, digest(previous));
  return isNewest || isPrevious ? 'valid' : 'invalid';
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/**
 * Whether a request comes from a page of this server, or from no page at all. Browsers send `Origin` and
 * `Sec-Fetch-Site` (Fetch standard; Fetch Metadata), which no page can change.
 *
 * Someone can let a name of theirs lead to this machine for a moment ("DNS rebinding"), so that their page looks like ours.
 * Therefore the request must name the server as localhost or by its address: nobody else can own those.
 */
function isOwnSite(headers: Headers): boolean {
  const origin = headers.get('origin');
  const host = headers.get('host');
  const isOwnOrigin = origin === null || (URL.canParse(origin) && new URL(origin).host === host);
  return (
    isOwnOrigin &&
    headers.get('sec-fetch-site') !== 'cross-site' &&
    (host === null || isLocalhostOrAddress(host))
  );
}

function isLocalhostOrAddress(host: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const { hostname } = new URL(`http://${host}`);
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || isIP(hostname.replace(/^\[|\]$/g, '')) > 0
  );
}
