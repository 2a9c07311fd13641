/**
 * How a connection behaves. All times are in ms. An app can set them for one feed in the options of `connectFeed`; `useFeed`
 * accepts `hiddenMs` and `maxProbeMs`. Edit `defaultSettings` to change them for all feeds.
 */
export type ConnectionSettings = {
  /** `auto` streams, falls back to polling, and returns to streaming. `stream` never polls. `poll` never streams. */
  readonly transport: 'auto' | 'stream' | 'poll';
  /** Whether something outside starts the polls that are due, as SWR does in React. Default: the connection starts them. */
  readonly hasPollDriver: boolean;
  /** Whether the client can ask for a new token after a 401. */
  readonly hasToken: boolean;
  /** Longest wait for the first byte of a stream. Then the client polls, because something holds bytes back. Default 4,000. */
  readonly firstByteMs: number;
  /** Longest wait for the hello of a stream that sends bytes. Then the log has failed: try again. Default 10,000. */
  readonly helloMs: number;
  /** The client polls once no stream has been live for this long, or a heartbeat is this late. Default 2,500. */
  readonly checkMs: number;
  /**
   * Longest silence that the client asks the server to keep on a stream: whole seconds, 2 at least. The server names the
   * silence that it keeps in hello. A stream that is silent for 2.5 times as long counts as lost. Default 5,000.
   */
  readonly heartbeatMs: number;
  /** First wait before the client, while it polls, tries to stream again. It doubles with each probe. Default 15,000. */
  readonly probeMs: number;
  /** Longest wait between two probes. Default 300,000. */
  readonly maxProbeMs: number;
  /** Range of the random wait after the first failure. It doubles with each failure. Default 500. */
  readonly backoffMs: number;
  /** Largest range of the random wait. Default 30,000. */
  readonly maxBackoffMs: number;
  /** Longest `Retry-After` that the client obeys. Default 600,000. */
  readonly maxRetryAfterMs: number;
  /** A page that is hidden for this long ends its connection. 0: never. Default 60,000. */
  readonly hiddenMs: number;
  /** Time for a poll beyond the time that the server may hold it; twice as long after a failure. Default 5,000. */
  readonly pollTimeoutMs: number;
  /** Least time between two polls where the server holds them: a server that answers at once must not make the client spin. Default 1,000. */
  readonly minPollMs: number;
  /** Least time from a hello to the next stream: a server that hands over at once must not make the client spin. Default 1,000. */
  readonly minStreamMs: number;
};

/** The defaults. */
export const defaultSettings: ConnectionSettings = {
  transport: 'auto',
  hasPollDriver: false,
  hasToken: false,
  firstByteMs: 4_000,
  helloMs: 10_000,
  checkMs: 2_500,
  heartbeatMs: 5_000,
  probeMs: 15_000,
  maxProbeMs: 300_000,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  maxRetryAfterMs: 600_000,
  hiddenMs: 60_000,
  pollTimeoutMs: 5_000,
  minPollMs: 1_000,
  minStreamMs: 1_000,
};
