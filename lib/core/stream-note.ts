/** Data of the `hello` frame: the log has answered, the stream is live. */
export type Hello = {
  /** This connection's position. */
  readonly cursor: string;
  /** Longest silence on this stream, in ms; a reader may take 2.5 times as much for a cut. */
  readonly heartbeatMs: number;
  /** Time in ms from this frame to the planned end of the stream. */
  readonly deadlineMs: number;
  /** The server's version, `major.minor.patch`. */
  readonly version: string;
};

/** Data of the `handover` frame: this stream ends soon, as planned; open the next one. */
export type Handover = {
  readonly reason: 'deadline' | 'stopping' | 'token';
  /** Time in ms after which the server ends the stream. */
  readonly closesInMs: number;
};

/** What a refused request is answered with (RFC 9457). */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
};
