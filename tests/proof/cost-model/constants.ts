import { prices } from '../../../lib/config/prices.ts';

/** A number that the model uses. */
export type Constant = {
  readonly value: number;
  readonly unit: string;
  /**
   * Where it comes from. `code`: this repository. `published`: the provider says so. `measured`: by
   * `npm run proof:cost -- --measure`. `assumed`: we found no figure, so set your own.
   */
  readonly kind: 'code' | 'published' | 'measured' | 'assumed';
  /** The file, the page and its date, or the reason. */
  readonly source: string;
};

const vercelLimits = 'vercel.com/docs/functions/limitations, 18 December 2025';
const peer = 'upstash.com/docs/realtime/overall/pricing; the same in the source of 1.1.0';

/** All constants. An option sets one for one run: `--redis-dollars-per-100k-commands 0.3` sets `redisDollarsPer100kCommands`. */
export const constants = {
  streamsPerProcess: code(800, 'streams', 'STREAM_MAX_CONNECTIONS, lib/config/settings.ts'),
  openPerProcess: code(900, 'streams + subscriptions', 'lib/server/admission.ts'),
  checksPerHour: code(
    67,
    'commands per hour and process',
    'at most: one check every 60 s ± 10 %, lib/server/tail/liveness-check.ts',
  ),
  commandsPerTail: code(
    2,
    'commands',
    'a subscription and a read; tails share their later checks: lib/server/tail/liveness-check.ts',
  ),
  streamSeconds: code(
    275,
    's',
    'the limit of 300 minus the margin and half the jitter: lib/server/stream/deadline.ts',
  ),
  heartbeatSeconds: code(5, 's', 'heartbeatMs, lib/config/client-timing.ts'),
  pollSeconds: code(2, 's', 'short polls: lib/server/http/page.ts'),
  sharedSeconds: code(1, 's', 's-maxage of a poll with nothing new: lib/server/http/events-route.ts'),

  fileDescriptors: published(1_024, 'per process', vercelLimits),
  processMB: published(2_048, 'MB per process (the maximum on Hobby; up to twice that on Pro)', vercelLimits),
  maxOpenRequests: published(30_000, 'at once (Pro; 100,000 and more on Enterprise)', vercelLimits),
  memoryDollarsPerHour: priced('memoryDollarsPerHour'),
  cpuDollarsPerHour: priced('cpuDollarsPerHour'),
  dollarsPerMillionInvocations: priced('dollarsPerMillionInvocations'),
  dollarsPerMillionRequests: priced('dollarsPerMillionRequests'),
  toReadersDollarsPerGB: priced('toReadersDollarsPerGB'),
  fromProcessesDollarsPerGB: priced('fromProcessesDollarsPerGB'),
  redisDollarsPer100kCommands: priced('redisDollarsPer100kCommands'),
  redisFreeGB: priced('redisFreeGB'),
  redisDollarsPerGB: priced('redisDollarsPerGB'),
  redisCommandsPerSecond: published(10_000, 'per database', prices.redisFreeGB.source),
  peerPingSeconds: published(60, 's', peer),
  peerStreamSeconds: published(300, 's', peer),
  peerCommandsPerStream: published(3, 'commands per reconnection', peer),
  peerCommandsPerEvent: published(2, 'commands (3 if events expire)', peer),

  baseMB: measured(125, 'MB per process without readers'),
  readerKB: measured(150, 'KB per stream'),
  cpuMsPerOpen: measured(1.4, 'ms per opened stream'),
  cpuMsPerDelivery: measured(0.063, 'ms per event and reader'),
  cpuMsPerPoll: measured(1.3, 'ms per poll'),

  pollMs: assumed(20, 'ms', 'from the start of a poll to its end, with the read from Redis'),
  eventBytes: assumed(300, 'bytes per event, as a frame', 'a small event'),
  heartbeatBytes: assumed(80, 'bytes', 'a heartbeat frame with its cursor'),
  openBytes: assumed(3_000, 'bytes', 'headers, padding and hello of a stream'),
  pollBytes: assumed(600, 'bytes', 'an empty page or a 304, with headers'),
  peerPingBytes: assumed(51, 'bytes', 'a ping of @upstash/realtime, as a frame'),
  redisConnections: assumed(
    10_000,
    'per database',
    'no figure found for the service; the default of maxclients in Redis',
  ),
  redisOutMB: assumed(100, 'MB per second from one database', 'no figure found; about a link of 1 Gbit/s'),
  commandsPerAnnouncement: assumed(
    0,
    'commands',
    'no statement found that a message to a subscriber is billed',
  ),
  subscriptionHours: assumed(
    1,
    'h that a subscription lasts',
    'no figure found; this server closes none for being silent',
  ),
  cpusPerProcess: assumed(1, 'cores', 'what a process of 2 GB gets'),
  regions: assumed(4, 'regions', 'where readers are; each region has its own cache'),
  budgetDollars: assumed(5_000, '$ per month', 'what you want to spend'),
} as const satisfies Record<string, Constant>;

export type ConstantName = keyof typeof constants;

/** The value of each constant, by name. */
export type Values = Readonly<Record<ConstantName, number>>;

function code<T extends number>(value: T, unit: string, source: string) {
  return { kind: 'code', value, unit, source } as const;
}

function published<T extends number>(value: T, unit: string, source: string) {
  return { kind: 'published', value, unit, source } as const;
}

/** A price of `lib/config/prices.ts`. */
function priced<N extends keyof typeof prices>(name: N) {
  return { kind: 'published', ...prices[name] } as const;
}

function measured<T extends number>(value: T, unit: string) {
  return { kind: 'measured', value, unit, source: 'npm run proof:cost -- --measure' } as const;
}

function assumed<T extends number>(value: T, unit: string, source: string) {
  return { kind: 'assumed', value, unit, source } as const;
}
