/** What something costs, and who said so. */
export type Price = {
  readonly value: number;
  readonly unit: string;
  /** The page, and the date on which it said so. */
  readonly source: string;
};

const vercelPrices = 'vercel.com/docs/fluid-compute/pricing, region iad1, read in a copy without a date';
const vercelTransfer = 'vercel.com/blog/improved-infrastructure-pricing, 4 April 2024; differs by region';
const upstashPrices =
  'upstash.com/pricing/redis on 20 September 2026, from github.com/api-evangelist/upstash, plans/upstash-plans-pricing.yml';

/** The published prices. Change them to those of your plan and region. */
export const prices = {
  memoryDollarsPerHour: { value: 0.0106, unit: '$ per GB', source: vercelPrices },
  cpuDollarsPerHour: { value: 0.128, unit: '$', source: vercelPrices },
  dollarsPerMillionInvocations: { value: 0.6, unit: '$', source: vercelPrices },
  dollarsPerMillionRequests: { value: 2, unit: '$', source: vercelTransfer },
  toReadersDollarsPerGB: { value: 0.15, unit: '$', source: vercelTransfer },
  fromProcessesDollarsPerGB: { value: 0.06, unit: '$', source: vercelTransfer },
  redisDollarsPer100kCommands: { value: 0.2, unit: '$', source: upstashPrices },
  redisFreeGB: { value: 200, unit: 'GB per month', source: upstashPrices },
  redisDollarsPerGB: { value: 0.03, unit: '$', source: upstashPrices },
} as const satisfies Record<string, Price>;

/** A price for each name of `prices`. */
export type PriceValues = Readonly<Record<keyof typeof prices, number>>;

/** The published prices as numbers. */
export const publishedPrices: PriceValues = Object.fromEntries(
  Object.entries(prices).map(([name, { value }]) => [name, value]),
) as PriceValues;

/** What one request takes of the platform. Memory is billed for a whole process while one of its requests is open. */
export const requestUse = {
  /** Memory of a process in GB: the default size of a function. */
  processGB: 2,
  /** Time in ms from the start of a poll to its end, with the read from Redis (assumed). */
  pollMs: 20,
  /** Processor time in ms of a poll, and of a stream that is opened (measured: `npm run proof:cost -- --measure`). */
  pollCpuMs: 1.3,
  openCpuMs: 1.4,
  /** Bytes of a poll without events, and of a stream's start: headers, padding and hello (assumed). */
  pollBytes: 600,
  openBytes: 3_000,
} as const;

/** What a feed uses of the platform and of Redis, in any span of time. */
export type Usage = {
  /** Memory of the processes, for as long as they have an open request. */
  readonly gbHours: number;
  readonly cpuHours: number;
  /** Requests that reach a process, and requests that reach the CDN. */
  readonly invocations: number;
  readonly edgeRequests: number;
  /** Sent to readers, and by processes to the CDN. */
  readonly gbToReaders: number;
  readonly gbFromProcesses: number;
  readonly redisCommands: number;
  readonly redisGB: number;
};

/** A usage of nothing. */
export const noUsage: Usage = {
  gbHours: 0,
  cpuHours: 0,
  invocations: 0,
  edgeRequests: 0,
  gbToReaders: 0,
  gbFromProcesses: 0,
  redisCommands: 0,
  redisGB: 0,
};

/** Dollars. */
export type Cost = { readonly platform: number; readonly redis: number; readonly total: number };

/** Hours in a month, as prices count them. */
export const hoursPerMonth = 730;

/**
 * What a use costs. Free allowances of a plan are not subtracted, except for the traffic of Redis: give the use of a whole
 * month where that is more than `redisFreeGB`.
 */
export function costOf(use: Usage, at: PriceValues = publishedPrices): Cost {
  const platform =
    use.gbHours * at.memoryDollarsPerHour +
    use.cpuHours * at.cpuDollarsPerHour +
    (use.invocations / 1e6) * at.dollarsPerMillionInvocations +
    (use.edgeRequests / 1e6) * at.dollarsPerMillionRequests +
    use.gbToReaders * at.toReadersDollarsPerGB +
    use.gbFromProcesses * at.fromProcessesDollarsPerGB;
  const redis =
    (use.redisCommands / 1e5) * at.redisDollarsPer100kCommands +
    Math.max(0, use.redisGB - at.redisFreeGB) * at.redisDollarsPerGB;
  return { platform, redis, total: platform + redis };
}
