import { createHash } from 'node:crypto';
import { maxAppend, type RateLimit } from '../log/event-log.ts';
import { currentConnection } from './own-sockets.ts';
import type { Settings } from './settings.ts';

/** How many seconds' worth an idle publisher may store at once. */
const burstSeconds = 10;

/**
 * The limits of a request that may publish: of the publish token it carries, and of the address it comes from. None
 * where `PUBLISH_RATE` is not set.
 *
 * A publisher cannot get around them by headers of its own. An address is no person, though: behind a proxy of one's
 * own all publishers have the proxy's, and who has many addresses (of IPv6 anyone has) has the allowance of each. With
 * a token that does not help them, because its limit holds for all who have it together. Requests that are refused for
 * another reason are not counted: a wrong token is not slowed down.
 */
export function publishLimits(
  request: Request,
  { publishRate, publishToken, isVercel }: Pick<Settings, 'publishRate' | 'publishToken' | 'isVercel'>,
): readonly RateLimit[] {
  if (publishRate === null) return [];
  const limit = { perSecond: publishRate, burst: Math.max(burstSeconds * publishRate, maxAppend) };
  const address = addressOf(request, isVercel);
  const publishers = [
    ...(publishToken === null ? [] : [['token', publishToken] as const]),
    ...(address === null ? [] : [['address', address] as const]),
  ];
  return publishers.map(([kind, text]) => ({ name: `${kind}:${digest(text)}`, ...limit }));
}

/**
 * The address a request comes from; null where it is not to be known. On the platform, which overwrites the header
 * whatever the caller sent; elsewhere the socket's, because there Next passes on an `x-forwarded-for` as it came.
 */
function addressOf(request: Request, isVercel: boolean): string | null {
  return isVercel ? request.headers.get('x-real-ip') : (currentConnection()?.socket.remoteAddress ?? null);
}

/** Stands for a token or an address in the log, which keeps neither. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
