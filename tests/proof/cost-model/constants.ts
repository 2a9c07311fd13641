/** A number the model stands on. */
export type Constant = {
  readonly value: number;
  readonly unit: string;
  /**
   * How it is known: `code`: it is in this repository; `published`: the provider says so; `measured`: by
   * `npm run proof:cost -- --measure`; `assumed`: nobody was found who says so, so set your own.
   */
  readonly kind: 'code' | 'published' | 'measured' | 'assumed';
  /** The file, the page and its date, or the reason. */
  readonly source: string;
};

const vercelPrices = 'vercel.com/docs/fluid-compute/pricing, region iad1, read in an undated copy';
const vercelTransfer = 'vercel.com/blog/improved-infrastructure-pricing, 4 April 2024; differs by region';
const vercelLimits = 'vercel.com/docs/functions/limitations, 18 December 2025';
const upstashPrices =
  'upstash.com/pricing/redis on 20 September 2026, by github.com/api-evangelist/upstash, plans/upstash-plans-pricing.yml';
const peer = 'upstash.com/docs/realtime/overall/pricing; the same in the source of 1.1.0';

/** All constants. Each can be set for one run: `redisDollarsPer100kCommands` by `--redis-dollars-per-100k-commands 0.3`. */
export const constants = {
  streamsPerProcess: code(800, 'streams', 'STREAM_MAX_CONNECTIONS, lib/config/settings.ts'),
  openPerProcess: code(900, 'streams + subscriptions', 'lib/server/http/admission.ts'),
  checksPerHour: code(
    67,
    'commands an hour and process',
    'at most: a check each 60 s ± 10 %, lib/server/tail/liveness-check.ts',
  ),
  commandsPerTail: code(
    2,
    'commands',
    'a subscription and a read; what is asked once more is shared: lib/server/tail/liveness-check.ts',
  ),
  streamSeconds: code(
    275,
    's',
    'a limit of 300 less margin and half the jitter: lib/server/stream/deadline.ts',
  ),
  heartbeatSeconds: code(15, 's', 'HEARTBEAT_SECONDS, lib/config/settings.ts'),
  pollSeconds: code(2, 's', 'short polls: lib/server/http/page.ts'),
  sharedSeconds: code(1, 's', 's-maxage at the head: lib/server/http/events-route.ts'),

  fileDescriptors: published(1_024, 'a process', vercelLimits),
  processMB: published(2_048, 'MB a process (Hobby’s most; Pro up to twice that)', vercelLimits),
  maxOpenRequests: published(30_000, 'at once (Pro; Enterprise 100,000 and more)', vercelLimits),
  memoryDollarsPerHour: published(0.0106, '$ a GB', vercelPrices),
  cpuDollarsPerHour: published(0.128, '$', vercelPrices),
  dollarsPerMillionInvocations: published(0.6, '$', vercelPrices),
  dollarsPerMillionRequests: published(2, '$', vercelTransfer),
  toReadersDollarsPerGB: published(0.15, '$', vercelTransfer),
  fromProcessesDollarsPerGB: published(0.06, '$', vercelTransfer),
  redisDollarsPer100kCommands: published(0.2, '$', upstashPrices),
  redisFreeGB: published(200, 'GB a month', upstashPrices),
  redisDollarsPerGB: published(0.03, '$', upstashPrices),
  redisCommandsPerSecond: published(10_000, 'a database', upstashPrices),
  peerPingSeconds: published(60, 's', peer),
  peerStreamSeconds: published(300, 's', peer),
  peerCommandsPerStream: published(3, 'commands a reconnection', peer),
  peerCommandsPerEvent: published(2, 'commands (3 where events expire)', peer),

  baseMB: measured(125, 'MB a process without readers'),
  readerKB: measured(150, 'KB a stream'),
  cpuMsPerOpen: measured(1.4, 'ms a stream opened'),
  cpuMsPerDelivery: measured(0.063, 'ms an event and reader'),
  cpuMsPerPoll: measured(1.3, 'ms a poll'),

  pollMs: assumed(20, 'ms', 'a poll from its start to its end, the read of Redis included'),
  eventBytes: assumed(300, 'bytes an event, as a frame', 'a small event; see data'),
  heartbeatBytes: assumed(80, 'bytes', 'a heartbeat’s frame, with its cursor'),
  openBytes: assumed(3_000, 'bytes', 'padding, hello and headers of a stream'),
  pollBytes: assumed(600, 'bytes', 'an empty page or a 304, with headers'),
  peerPingBytes: assumed(60, 'bytes', 'its ping as a frame'),
  redisConnections: assumed(
    10_000,
    'a database',
    'no figure found for the service; Redis’s own default for maxclients',
  ),
  redisOutMB: assumed(100, 'MB a second out of a database', 'no figure found; about a link of 1 Gbit/s'),
  commandsPerAnnouncement: assumed(
    0,
    'commands',
    'no word found that a message delivered to a subscriber is counted',
  ),
  subscriptionHours: assumed(
    1,
    'h a subscription lasts',
    'no figure found; from here none is ended for being silent',
  ),
  cpusPerProcess: assumed(1, 'cores', 'what goes with 2 GB'),
  regions: assumed(4, 'regions', 'where readers are: each has a cache of its own'),
  budgetDollars: assumed(5_000, '$ a month', 'what you would spend'),
} as const satisfies Record<string, Constant>;

export type ConstantName = keyof typeof constants;

/** Values by name, as the model takes them. */
export type Values = Readonly<Record<ConstantName, number>>;

function code<T extends number>(value: T, unit: string, source: string) {
  return { kind: 'code', value, unit, source } as const;
}

function published<T extends number>(value: T, unit: string, source: string) {
  return { kind: 'published', value, unit, source } as const;
}

function measured<T extends number>(value: T, unit: string) {
  return { kind: 'measured', value, unit, source: 'npm run proof:cost -- --measure' } as const;
}

function assumed<T extends number>(value: T, unit: string, source: string) {
  return { kind: 'assumed', value, unit, source } as const;
}
