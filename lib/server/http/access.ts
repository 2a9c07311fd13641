import { hash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { canPublish, canRead } from '../../config/access.ts';
import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import { FeedError } from '../../core/feed-error.ts';
import { verifyFeedToken } from '../feed-token.ts';
import type { Runtime } from '../runtime.ts';
import { logUnexpectedError } from './problem.ts';

/*
 * Asks the app's rules in `lib/config/access.ts` whether a request may read or publish, and gives them the verified tokens of
 * the request. A rule that fails or hangs refuses the request.
 */

/** What a request may read, and until when. */
export type CheckedAccess = {
  /** When the access ends, as Unix time in ms; null: no end is known. */
  readonly endsAt: number | null;
  /** Whether a shared cache may keep the answer: everyone may read the same, and the request has no token. */
  readonly isShareable: boolean;
};

/** Checks that a request may read all of `channels`. @throws FeedError if it may not. */
export type ReadCheck = (
  request: Request,
  channels: readonly string[],
  runtime: Runtime,
) => Promise<CheckedAccess>;

/** What the checks need of the runtime. */
type AccessRuntime<S extends keyof Settings> = {
  readonly settings: Pick<Settings, S>;
  readonly clock: Clock;
};

/** How long the app may take to decide, in ms. */
export const accessLimitMs = 5_000;

/**
 * Checks that a request may read all of `channels`.
 * @throws FeedError `unauthorized`, `forbidden`, or what the app throws; `access-unavailable` if the app's rule fails or hangs.
 */
export async function checkReadAccess(
  request: Request,
  channels: readonly string[],
  { settings, clock }: AccessRuntime<'readTokenSecret'>,
): Promise<CheckedAccess> {
  const secret = settings.readTokenSecret;
  const sent = readTokenOf(request);
  const readToken = async (untimed: Untimed) => {
    if (secret === null) return 'not-configured';
    return sent === null ? 'missing' : untimed(verifyFeedToken(sent, secret, clock.now()));
  };
  const decide = (untimed: Untimed) => canRead(request, channels, () => readToken(untimed));
  const access = await ask('canRead', clock, decide, (decision) => {
    if (typeof decision === 'boolean') return decision ? null : 'refused';
    if (decision === 'everyone') return decision;
    const endsAt = decision?.until instanceof Date ? decision.until.getTime() : Number.NaN;
    return Number.isNaN(endsAt) ? undefined : endsAt;
  });
  if (access === 'refused') throw new FeedError('forbidden', `You may not read ${nameChannels(channels)}.`);
  if (access === 'everyone') return { endsAt: null, isShareable: sent === null };
  if (access !== null && access <= clock.now())
    throw new FeedError('unauthorized', 'Your access has ended. Sign in again.');
  return { endsAt: access, isShareable: false };
}

/** The read token of a request: `Authorization: Bearer`, else the cookie `feed_token`, else `?token=`. Null: none. */
function readTokenOf(request: Request): string | null {
  const bearer = bearerOf(request);
  if (bearer !== null) return bearer;
  const cookie = /(?:^|; *)feed_token=([^;]+)/.exec(request.headers.get('cookie') ?? '');
  if (cookie?.[1] !== undefined) return cookie[1];
  return new URL(request.url).searchParams.get('token');
}

/**
 * Checks that a request may publish.
 * @param channels reads the body, and returns the channels of its events.
 * @throws FeedError `publishing-off`, `forbidden`, `unauthorized`, or what the app throws; `access-unavailable` if the app's
 *   rule fails or hangs.
 */
export async function checkPublishAccess(
  request: Request,
  channels: () => Promise<readonly string[]>,
  { settings, clock }: AccessRuntime<'publishToken' | 'previousPublishToken' | 'isProduction'>,
): Promise<void> {
  const { publishToken, previousPublishToken, isProduction } = settings;
  const publisher = {
    token:
      publishToken === null ? 'not-configured' : publishTokenOf(request, publishToken, previousPublishToken),
    isProduction,
    isOwnSite: isOwnSite(request.headers),
  } as const;
  // The body belongs to the server: if the app read it, no event would be left.
  const { url, method, headers, signal } = request;
  const withoutBody = new Request(url, { method, headers, signal });
  const isAllowed = await ask(
    'canPublish',
    clock,
    (untimed) => canPublish(withoutBody, () => untimed(channels()), publisher),
    (decision) => (typeof decision === 'boolean' ? decision : undefined),
  );
  if (!isAllowed) throw new FeedError('forbidden', 'You may not publish here.');
}

/** Waits for work of the server, whose time does not count as the app's. */
type Untimed = <T>(work: Promise<T>) => Promise<T>;

/**
 * Asks a rule of the app, and waits for its decision for a limited time.
 * @param read reads the decision; undefined: it is none.
 * @throws FeedError what the rule throws on purpose, else `access-unavailable`: the reason is for the server's own log.
 */
async function ask<Decision, Result>(
  rule: 'canRead' | 'canPublish',
  clock: Clock,
  decide: (untimed: Untimed) => Promise<Decision>,
  read: (decision: Decision) => Result | undefined,
): Promise<Result> {
  const { promise: limit, reject } = Promise.withResolvers<never>();
  const hang = () => reject(new Error(`${rule} has not answered within ${accessLimitMs / 1_000} s`));
  let cancel = clock.after(accessLimitMs, hang);
  const untimed: Untimed = async (work) => {
    cancel();
    try {
      return await work;
    } finally {
      cancel = clock.after(accessLimitMs, hang);
    }
  };
  try {
    const decision = await Promise.race([decide(untimed), limit]);
    const result = read(decision);
    if (result !== undefined) return result;
    throw new TypeError(`${rule} has returned ${typeof decision}, which is no decision`);
  } catch (cause) {
    if (cause instanceof FeedError) throw cause;
    logUnexpectedError(
      new Error(`${rule} in lib/config/access.ts failed. The request is refused.`, { cause }),
    );
    throw new FeedError(
      'access-unavailable',
      'The server could not check whether you may do this. It has logged why. Try again later.',
      { cause },
    );
  } finally {
    cancel();
  }
}

function nameChannels(channels: readonly string[]): string {
  const names = channels.map((channel) => `"${channel}"`).join(', ');
  return channels.length === 1 ? `channel ${names}` : `all of the channels ${names}`;
}

/** The token of `Authorization: Bearer <token>`; null: the request has none. */
function bearerOf(request: Request): string | null {
  return /^Bearer +(\S+) *$/i.exec(request.headers.get('authorization') ?? '')?.[1] ?? null;
}

function publishTokenOf(request: Request, newest: string, previous: string | null): 'valid' | 'invalid' {
  const token = bearerOf(request);
  return token !== null && isOneOf(token, [newest, previous]) ? 'valid' : 'invalid';
}

/**
 * Whether a secret that a client sent is one of those that count; null: there is none. The time it takes does not tell which
 * one. It compares digests, so that the time does not tell the length either.
 */
export function isOneOf(sent: string, secrets: readonly (string | null)[]): boolean {
  const given = digest(sent);
  // All of them are compared, so that the time does not tell which one it is.
  return secrets.map((secret) => secret !== null && timingSafeEqual(given, digest(secret))).includes(true);
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
