import { createHmac } from 'node:crypto';
import { basePath } from '../../config/routes.ts';
import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import { chargeLimit, chargeOf } from '../../log/rate-limit.ts';
import { isOneOf } from '../http/access.ts';

/*
 * Who may see the status of the server: in production everyone who knows the publish token. The browser keeps a signed end of the
 * session in a cookie, never the token. The server keeps no session, so that each process accepts what another one has signed.
 */

export const sessionCookie = 'steadfeed_status';

/** How long a sign-in lasts. */
export const sessionSeconds = 12 * 3_600;

type GuardSettings = Pick<Settings, 'isProduction' | 'publishToken' | 'previousPublishToken'>;

/** Whether a request may see the status. `off`: there is no publish token, so that nobody can sign in. */
export type Permission =
  | { readonly kind: 'allowed' /** Unix time in ms; null: no end. */; readonly endsAt: number | null }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'off' };

/** @param now Unix time in ms. */
export function permissionOf(headers: Headers, settings: GuardSettings, now: number): Permission {
  if (!settings.isProduction) return { kind: 'allowed', endsAt: null };
  const { publishToken, previousPublishToken } = settings;
  if (publishToken === null) return { kind: 'off' };
  const cookies = (headers.get('cookie') ?? '').split(/; */);
  for (const cookie of cookies) {
    const [, session, end] = /^steadfeed_status=((\d{1,12})\.[\w-]+)$/.exec(cookie) ?? [];
    const endsAt = Number(end) * 1_000;
    if (session === undefined || !(endsAt > now)) continue;
    const signed = [publishToken, previousPublishToken].map((token) => token && sign(token, Number(end)));
    if (isOneOf(session, signed)) return { kind: 'allowed', endsAt };
  }
  return { kind: 'signed-out' };
}

/**
 * The cookie of a sign-in. Only the status page and what it reads get it, and no other site can make a browser send it.
 * @param isSecure whether the browser may send it over HTTPS only.
 */
export function sessionCookieFor(publishToken: string, now: number, isSecure: boolean): string {
  const session = sign(publishToken, Math.floor(now / 1_000) + sessionSeconds);
  return cookieText(session, sessionSeconds, isSecure);
}

/** Makes a browser forget the sign-in. */
export function endedSessionCookie(isSecure: boolean): string {
  return cookieText('', 0, isSecure);
}

function cookieText(value: string, maxAgeSeconds: number, isSecure: boolean): string {
  const attributes = [`Path=${basePath}/status`, `Max-Age=${maxAgeSeconds}`, 'HttpOnly', 'SameSite=Strict'];
  if (isSecure) attributes.push('Secure');
  return [`${sessionCookie}=${value}`, ...attributes].join('; ');
}

/** The end of a session, signed: only who knows the token can move it. A new token ends all sessions. */
function sign(publishToken: string, endSeconds: number): string {
  const key = createHmac('sha256', publishToken).update('steadfeed status session').digest();
  return `${endSeconds}.${createHmac('sha256', key).update(String(endSeconds)).digest('base64url')}`;
}

/** Wrong tokens that one address may send at once, and then one more in `secondsPerTry`. */
export const triesAtOnce = 10;
export const secondsPerTry = 10;

/** Addresses that are remembered, at most. */
const maxAddresses = 10_000;

/** Limits how fast one address can guess the token. */
export type SignInTries = {
  /** Seconds until the address may try again; 0: now. */
  waitSeconds(address: string | null): number;
  /** Counts a wrong token. */
  failed(address: string | null): void;
};

/** Each process counts for itself. Addresses that are unknown count as one. */
export function createSignInTries(clock: Pick<Clock, 'now'>): SignInTries {
  const charge = chargeOf({ name: 'sign-in', perSecond: 1 / secondsPerTry, burst: triesAtOnce }, 1);
  const fullAt = new Map<string | null, number>();
  const chargeNow = (address: string | null) => chargeLimit(fullAt.get(address) ?? null, clock.now(), charge);
  return {
    waitSeconds: (address) => Math.ceil(chargeNow(address).waitMs / 1_000),
    failed(address) {
      const now = clock.now();
      if (fullAt.size >= maxAddresses) for (const [each, at] of fullAt) if (at <= now) fullAt.delete(each);
      // So many addresses at once: the oldest one is forgotten.
      const [oldest] = fullAt.keys();
      if (fullAt.size >= maxAddresses && oldest !== undefined) fullAt.delete(oldest);
      fullAt.set(address, chargeNow(address).fullAt);
    },
  };
}
