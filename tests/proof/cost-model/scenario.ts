/** What is asked of a way to deliver events. */
export type Scenario = {
  /** Open at once, each of one channel; spread over channels and processes by chance. */
  readonly readers: number;
  readonly channels: number;
  /** Events a second in each channel, each published by a request of its own. */
  readonly eventRate: number;
};

/** What a way to deliver events takes, all processes together. */
export type Load = {
  readonly processes: number;
  /** Requests of readers that are open at once. */
  readonly openRequests: number;
  /** Subscriptions to Redis, each a connection. */
  readonly subscriptions: number;
  readonly redisCommandsPerSecond: number;
  /** What Redis sends, in bytes a second. */
  readonly redisBytesPerSecond: number;
  /** Requests that reach a process, and those that the CDN takes, a second. */
  readonly invocationsPerSecond: number;
  readonly cdnRequestsPerSecond: number;
  /** Seconds of processor time a second. */
  readonly cpus: number;
  /** Processes that are awake on the average: memory is billed for those. */
  readonly awakeProcesses: number;
  readonly bytesToReadersPerSecond: number;
  readonly bytesFromProcessesPerSecond: number;
};

/** How many of `channels` have at least one of `readers` that chose theirs by chance. */
export function channelsFollowed(channels: number, readers: number): number {
  return channels === 1 ? Math.min(1, readers) : channels * (1 - (1 - 1 / channels) ** readers);
}

/** The largest whole number from 1 to `most` for which `fits` holds, where it holds for all below it; at least 1. */
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
