import { isIPv6 } from 'node:net';
import { currentConnection } from './own-sockets.ts';

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
