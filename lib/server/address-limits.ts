import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Settings } from '../config/settings.ts';
import { FeedError } from '../core/feed-error.ts';
import { maxAppend, type RateLimit } from '../log/event-log.ts';
import { currentConnection } from './node/sockets.ts';

/** What each address holds in this process: a place for each channel of its streams and of its polls that wait. */
export type AddressPlaces = {
  /** Whether there is a limit. Without one no address need be known: to ask a socket for it is a call to the system. */
  readonly isLimited: boolean;
  /**
   * Takes places for a stream, or for a poll that waits; the function given back gives them back, once. Each of its
   * channels takes one, because each may cost the process a subscription.
   * @param address as `address-limits.ts` tells it; null where it is not known: then there is a place.
   * @throws FeedError `too-many-streams`. Not `rate-limited`: a client that is told to wait would wait for as long as
   * others hold the places; told this, it goes on by polling.
   */
  take(address: string | null, channels: number): () => void;
};

/** @param most places of one address; null: no limit, and nothing is counted. */
export function createAddressPlaces(most: number | null): AddressPlaces {
  const taken = new Map<string, number>();
  return {
    isLimited: most !== null,
    take(address, channels) {
      if (most === null || address === null) return () => undefined;
      const held = taken.get(address) ?? 0;
      if (held + channels > most) {
        throw new FeedError(
          'too-many-streams',
          `your address reads ${held} channels here by streams and polls that wait, asks for ${channels} more, and may read ${most} (STREAM_MAX_PER_ADDRESS); poll, or try again shortly`,
        );
      }
      taken.set(address, held + channels);
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        const left = (taken.get(address) ?? channels) - channels;
        if (left > 0) taken.set(address, left);
        else taken.delete(address);
      };
    },
  };
}

/**
 * The address a request comes from, as limits count it; null where it is not to be known. On the platform, which
 * overwrites the header whatever the caller sent; elsewhere the socket's, because there Next passes on an
 * `x-forwarded-for` as it came. An address is no person: behind a proxy of one's own all callers have the proxy's.
 */
export function addressOf(request: Request, isVercel: boolean): string | null {
  const address = isVercel ? request.headers.get('x-real-ip') : currentConnection()?.socket.remoteAddress;
  return address ? subscriberOf(address) : null;
}

/**
 * What one subscriber has of an address: all of an IPv4 one; of IPv6, where each has 2^64 to choose from, the first
 * half. An IPv4 address written as IPv6 (`::ffff:192.0.2.1`, as a socket for both tells it) is itself.
 */
export function subscriberOf(address: string): string {
  const [plain = ''] = address.split('%');
  if (!isIPv6(plain)) return address;
  const groups = groupsOf(plain);
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return groups.slice(6).flatMap(bytesOf).join('.');
  return `${groups.slice(0, 4).join(':')}::/64`;
}

function bytesOf(group: string): number[] {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 0xff];
}

/** The eight groups of an IPv6 address, in one spelling. */
function groupsOf(address: string): string[] {
  // A URL spells it shortest, with the last 32 bits as groups too.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [before, after] = [head, tail].map((part) => part.split(':').filter(Boolean));
  const zeros = 8 - (before?.length ?? 0) - (after?.length ?? 0);
  return [...(before ?? []), ...Array.from({ length: zeros }, () => '0'), ...(after ?? [])];
}

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
