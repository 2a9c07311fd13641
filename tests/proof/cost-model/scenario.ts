/** The feed and its readers. */
export type Scenario = {
  /** Readers at the same time. Each follows one channel; channels and processes are random. */
  readonly readers: number;
  readonly channels: number;
  /** Events per second in each channel, each in a publish request of its own. */
  readonly eventRate: number;
};

/** What a way to deliver events needs, for all processes together. */
export type Load = {
  readonly processes: number;
  /** Open requests of readers. */
  readonly openRequests: number;
  /** Subscriptions to Redis; each is one connection. */
  readonly subscriptions: number;
  readonly redisCommandsPerSecond: number;
  /** Bytes per second that Redis sends. */
  readonly redisBytesPerSecond: number;
  /** Requests per second that reach a process, and requests per second at the CDN. */
  readonly invocationsPerSecond: number;
  readonly cdnRequestsPerSecond: number;
  /** Processor seconds per second. */
  readonly cpus: number;
  /** Average number of awake processes; the platform bills memory for these. */
  readonly awakeProcesses: number;
  readonly bytesToReadersPerSecond: number;
  readonly bytesFromProcessesPerSecond: number;
};

/** How many of `channels` have at least one reader, if each reader chooses its channel at random. */
export function channelsFollowed(channels: number, readers: number): number {
  return channels === 1 ? Math.min(1, readers) : channels * (1 - (1 - 1 / channels) ** readers);
}

/** The largest whole number from 1 to `most` that `fits`; at least 1. If a number fits, all smaller ones must fit. */
export function largest(most: number, fits: (count: number) => boolean): number {
  let low = 1;
  let high = Math.max(1, Math.floor(most)) + 1;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}
