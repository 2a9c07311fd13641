import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Settings } from '../config/settings.ts';
import { FeedError } from '../core/feed-error.ts';
import { maxAppend, type RateLimit } from '../log/event-log.ts';
import { currentConnection } from './node/sockets.ts';
import type { Tails } from './tail/tails.ts';

/** Streams, long polls and subscriptions of one process together. Vercel gives an instance 1,024 file descriptors. */
export const maxOpen = 900;

/** Off Vercel `STREAM_MAX_CONNECTIONS` may be higher than `maxOpen`; this many subscriptions are allowed on top of it. */
export const maxSubscriptionsBesides = 100;

/** Admission control: decides whether this process may hold one more stream or long poll. */
export type Admission = {
  /** How many slots are taken, by streams and by long polls. */
  held(): number;
  /**
   * Takes a slot for a request that will be held and that follows `channels`. If the process is full, it first ends tails
   * without readers to make space.
   * @returns gives the slot back; only the first call counts.
   * @throws FeedError `too-many-streams` if the process or the request's address is at its limit.
   */
  takeSlot(request: Request, channels: readonly string[]): () => void;
  /**
   * Makes space for the tails of a reader without a connection, as the app's own code has. It takes no slot.
   * @throws FeedError `too-many-streams` if the process is at its limit.
   */
  makeSpace(channels: readonly string[]): void;
  /**
   * Whether a tenth of the slots, and of the channels of the request's address, would be free beside such a request. Only
   * then does the server advise long polls. If it advised them for each single free slot, all readers would want that slot,
   * and most would get a refusal.
   */
  hasSpare(request: Request, channels: readonly string[]): boolean;
};

/** The share of slots that must be free where readers are told to take one. */
const spareShare = 0.1;

type AdmissionSettings = Pick<Settings, 'isVercel' | 'streamMaxConnections' | 'streamMaxPerAddress'>;

/** Creates the admission control of a process. */
export function createAdmission(
  { isVercel, streamMaxConnections, streamMaxPerAddress }: AdmissionSettings,
  tails: Pick<Tails, 'has' | 'count' | 'endIdle'>,
): Admission {
  const channelsPerAddress = createChannelsPerAddress(streamMaxPerAddress);
  let held = 0;

  function checkProcess(channels: readonly string[]): void {
    if (held + 1 > streamMaxConnections) {
      throw new FeedError(
        'too-many-streams',
        `This process holds ${held} streams and waiting polls, its maximum (STREAM_MAX_CONNECTIONS). Poll without wait, or try again in a few seconds.`,
      );
    }
    makeSpace(channels, 1);
  }

  /** @param connections that the request adds: 1, or 0 for a reader in this process. */
  function makeSpace(channels: readonly string[], connections: 0 | 1): void {
    const excess = excessWith(channels, connections);
    if (excess <= 0 || tails.endIdle(excess, channels)) return;
    throw new FeedError(
      'too-many-streams',
      `This process holds ${held} streams and waiting polls and follows ${tails.count()} channels, its maximum. Poll without wait, or try again in a few seconds.`,
    );
  }

  /** How far the process would be over its maximum with `connections` more that follow `channels`. */
  function excessWith(channels: readonly string[], connections: 0 | 1): number {
    const most = isVercel ? maxOpen : Math.max(maxOpen, streamMaxConnections + maxSubscriptionsBesides);
    const added = channels.filter((channel) => !tails.has(channel)).length;
    return held + tails.count() + connections + added - most;
  }

  return {
    held: () => held,
    makeSpace: (channels) => makeSpace(channels, 0),
    hasSpare(request, channels) {
      const left = streamMaxConnections - held - 1;
      if (left < spareShare * streamMaxConnections || excessWith(channels, 1) > 0) return false;
      if (streamMaxPerAddress === null) return true;
      const address = addressOf(request, isVercel);
      const leftOfAddress = streamMaxPerAddress - channelsPerAddress.taken(address) - channels.length;
      return leftOfAddress >= spareShare * streamMaxPerAddress;
    },
    takeSlot(request, channels) {
      checkProcess(channels);
      // Without a limit the address is not looked up: asking a socket for it is a system call.
      const address = streamMaxPerAddress === null ? null : addressOf(request, isVercel);
      const releaseAddress = channelsPerAddress.take(address, channels.length);
      held += 1;
      let isTaken = true;
      return () => {
        if (!isTaken) return;
        isTaken = false;
        held -= 1;
        releaseAddress();
      };
    },
  };
}

/** The slot of a poll. The poll takes it when it first has to wait; most polls never do. */
export type PollSlot = {
  /** Aborts when the reader has left. */
  readonly signal: AbortSignal;
  /** Takes the slot, unless the poll has it already. @throws FeedError `too-many-streams` if there is none. */
  take(): void;
  /** Takes the slot, and returns whether there was one. */
  tryTake(): boolean;
  /** Gives the slot back, if it was taken. */
  release(): void;
};

/**
 * Creates the slot of a poll that reads `channels`; it is not taken yet.
 * @param signal aborts when the reader has left.
 */
export function createPollSlot(
  request: Request,
  admission: Admission,
  channels: readonly string[],
  signal: AbortSignal,
): PollSlot {
  let giveBack: (() => void) | null = null;

  function take(): void {
    giveBack ??= admission.takeSlot(request, channels);
  }

  return {
    signal,
    take,
    tryTake() {
      try {
        take();
        return true;
      } catch (error) {
        if (error instanceof FeedError && error.code === 'too-many-streams') return false;
        throw error;
      }
    },
    release() {
      giveBack?.();
      giveBack = null;
    },
  };
}

/** How many channels each address follows in this process, with streams and long polls. */
type ChannelsPerAddress = {
  /**
   * Counts the channels of a request for its address: each may cost the process a subscription.
   * @param address from `addressOf`; null if it is unknown: such a request is not limited.
   * @returns takes them off the count; call it once.
   * @throws FeedError `too-many-streams`. It is not `rate-limited`: a client would obey that and wait for as long as others
   * hold the channels. On `too-many-streams` it goes on with polls.
   */
  take(address: string | null, channels: number): () => void;
  /** How many the address follows now; 0 if it is unknown. */
  taken(address: string | null): number;
};

/** @param most channels of one address; null: no limit, and nothing is counted. */
function createChannelsPerAddress(most: number | null): ChannelsPerAddress {
  const taken = new Map<string, number>();
  return {
    taken: (address) => (address === null ? 0 : (taken.get(address) ?? 0)),
    take(address, channels) {
      if (most === null || address === null) return nothingToRelease;
      const held = taken.get(address) ?? 0;
      if (held + channels > most) {
        throw new FeedError(
          'too-many-streams',
          `Your address follows ${held} of at most ${most} channels in this process (STREAM_MAX_PER_ADDRESS), and this request follows ${channels} more. Poll without wait, or try again in a few seconds.`,
        );
      }
      taken.set(address, held + channels);
      return () => {
        const left = (taken.get(address) ?? channels) - channels;
        if (left > 0) taken.set(address, left);
        else taken.delete(address);
      };
    },
  };
}

const nothingToRelease = () => undefined;

/** How many seconds' worth of events an idle publisher may store at once. */
const burstSeconds = 10;

/**
 * The rate limits of a publish request: one for its publish token, one for its address. Empty if `PUBLISH_RATE` is not
 * set. The app's own code shares the limit of the token; without a token it has a limit of its own.
 *
 * A publisher cannot get around them with headers of its own. Someone with many addresses has the limit of each, but all
 * who hold the token share that token's limit. The log counts only what it stores: a request that is refused for another
 * reason, such as a wrong token, is not slowed down.
 * @param request null: the app's own code publishes.
 */
export function publishLimits(
  request: Request | null,
  { publishRate, publishToken, isVercel }: Pick<Settings, 'publishRate' | 'publishToken' | 'isVercel'>,
): readonly RateLimit[] {
  if (publishRate === null) return [];
  const limit = { perSecond: publishRate, burst: Math.max(burstSeconds * publishRate, maxAppend) };
  const address = request === null ? null : addressOf(request, isVercel);
  const publishers = [
    ...(publishToken === null ? [] : [['token', publishToken] as const]),
    ...(publishToken === null && request === null ? [['app', ''] as const] : []),
    ...(address === null ? [] : [['address', address] as const]),
  ];
  return publishers.map(([kind, text]) => ({ name: `${kind}:${digest(text)}`, ...limit }));
}

/** Stands for a token or an address in the log, which stores neither. */
function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * The address that a request comes from, as the limits count it; null if it is unknown. On Vercel it is the header that
 * Vercel always overwrites. Elsewhere it is the socket's, because Next passes on an `x-forwarded-for` as the caller sent
 * it. An address is not a person: behind a proxy of your own, all callers have the proxy's address.
 */
export function addressOf(request: Request, isVercel: boolean): string | null {
  const address = isVercel ? request.headers.get('x-real-ip') : currentConnection()?.socket.remoteAddress;
  return address ? subscriberOf(address) : null;
}

/**
 * The part of an address that one subscriber has: all of an IPv4 address, and the first 64 bits of an IPv6 address,
 * because a subscriber can choose from the other 2^64. An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`, as a
 * dual-stack socket reports it) counts as the IPv4 address.
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
  // A URL spells the address in its shortest form, the last 32 bits as groups too.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const [before, after] = [head, tail].map((part) => part.split(':').filter(Boolean));
  const zeros = 8 - (before?.length ?? 0) - (after?.length ?? 0);
  return [...(before ?? []), ...Array.from({ length: zeros }, () => '0'), ...(after ?? [])];
}
