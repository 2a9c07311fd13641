import { createHash } from 'node:crypto';
import type { Settings } from '../config/settings.ts';
import { maxAppend, type RateLimit } from '../log/event-log.ts';
import { addressOf } from './request-address.ts';

/** How many seconds' worth an idle publisher may store at once. */
const burstSeconds = 10;

/**
 * The limits of a request that may publish: of the publish token it carries, and of the address it comes from. None
 * where `PUBLISH_RATE` is not set.
 *
 * A publisher cannot get around them by headers of its own. Who has many addresses has the allowance of each; with a
 * token that does not help them, because its limit holds for all who have it together. Requests that are refused for
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

/** Stands for a token or an address in the log, which keeps neither. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
