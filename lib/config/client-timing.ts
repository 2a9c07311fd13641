/** Tunables of a connection. All times in ms. */
export type ConnectionSettings = {
  /** `auto`: stream, fall to polling, climb back. `stream` never polls, `poll` never streams. */
  readonly transport: 'auto' | 'stream' | 'poll';
  /** Who starts a poll that is due: a timer of the connection, or a caller (`pollDue`). */
  readonly polls: 'timer' | 'caller';
  /** Whether a 401 can be answered with a new token. */
  readonly hasToken: boolean;
  /** No byte within this time of connecting: something in between buffers. 4,000. */
  readonly firstByteMs: number;
  /** Bytes but no hello within this time: the log does not answer. 10,000. */
  readonly helloMs: number;
  /** Longest silence of a stream before its hello told another: 15,000. Silence of 2.5 times as much is a cut. */
  readonly heartbeatMs: number;
  /** First and longest wait between tries to stream again while polling: 15,000 and 300,000. */
  readonly probeMs: number;
  readonly maxProbeMs: number;
  /** First and longest range of the random wait after a failure: 500 and 30,000. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Longest `Retry-After` that is obeyed: 600,000. */
  readonly maxRetryAfterMs: number;
  /** A page hidden for this long lets its connection go; 0 never. 60,000. */
  readonly hiddenMs: number;
  /** What a poll may take beyond the time it asks the server to hold it: 10,000. */
  readonly pollTimeoutMs: number;
  /** Pause after a long poll that came back at once with nothing, so that no server makes a reader spin: 1,000. */
  readonly minPollMs: number;
  /** A stream handed over sooner than this after its hello is not followed at once: 1,000. */
  readonly minStreamMs: number;
};

/** The defaults; each has its reason in its doc comment above. */
export const defaultSettings: ConnectionSettings = {
  transport: 'auto',
  polls: 'timer',
  hasToken: false,
  firstByteMs: 4_000,
  helloMs: 10_000,
  heartbeatMs: 15_000,
  probeMs: 15_000,
  maxProbeMs: 300_000,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  maxRetryAfterMs: 600_000,
  hiddenMs: 60_000,
  pollTimeoutMs: 10_000,
  minPollMs: 1_000,
  minStreamMs: 1_000,
};
