/** The addresses and texts of a server, for the load client. */
export type Target = {
  readonly port: number;
  readonly streamPath: string;
  /** A text that a stream sends when it is live: the reader gets all events that are published from then on. */
  readonly openMark: string;
  readonly publishPath: string;
  readonly publishHeaders: Readonly<Record<string, string>>;
  /** Another way for events to reach the server; not set: by requests to `publishPath`. */
  readonly inlet?: Inlet;
  /** How a reader resumes; not set: it cannot. */
  readonly resume?: Resume;
  /** Set for polling: the reader asks for `streamPath` with its last cursor, with this pause between two polls. */
  readonly pollEveryMs?: number;
};

/** A way for events to reach a server without a publish request. */
export type Inlet =
  /** The server's own code publishes. Each line that this port of its process gets is the data of one event. */
  | { readonly kind: 'line'; readonly port: number }
  /**
   * Another process publishes, which here is the load client. Events of this feed go into its log in this Redis, which
   * announces them. A server without a log gets them as a message in the pub/sub channel `topic`.
   */
  | { readonly kind: 'redis'; readonly port: number; readonly topic: string | null };

/** Texts in a stream that show a reader its position and a handover. */
export type Resume = {
  /** The texts before and after each position. */
  readonly idMark: string;
  readonly idEnd: string;
  /** A text that the server sends when it hands the stream over. */
  readonly handoverMark: string;
  /** The query parameter for a position; `<channel>` is replaced by the channel. */
  readonly query: string;
};

/**
 * Publishes `events` in batches, `together` batches at a time. Waits until every open stream has all of them, or without
 * `isWaiting` until they are stored.
 */
export type PublishOrder = {
  readonly kind: 'publish';
  readonly target: Target;
  readonly events: number;
  readonly batch: number;
  readonly together: number;
  /** Time from one batch to the next, in ms; 0: the next batch starts after the answer. */
  readonly everyMs: number;
  /** Whether the next batch waits until every stream has the last one. */
  readonly isStepwise: boolean;
  readonly isWaiting: boolean;
  /** Minimum size of an event's data, in bytes. */
  readonly bytes: number;
};

/** Opens `count` streams, `together` at a time, and waits until each is live. */
export type OpenOrder = {
  readonly kind: 'open';
  readonly target: Target;
  readonly count: number;
  readonly together: number;
  readonly isReading: boolean;
  /** Number of channels. Each reader reads one of them; not set: all read the default channel. */
  readonly channels?: number;
  /** The number of the first of these channels; default 0. */
  readonly firstChannel?: number;
  /** Whether readers keep their position and follow handovers. That costs CPU time, so such runs time nothing. */
  readonly isLasting?: boolean;
};

/** The orders of the load client. */
export type LoadOrder =
  | OpenOrder
  | PublishOrder
  /** `cut` closes all streams, which must be `isLasting`. `return` opens them again at once, each from its position. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'return' }
  /** Waits, and only follows handovers. */
  | { readonly kind: 'rest'; readonly seconds: number }
  /** Waits as `rest`, and cuts so many streams a second at random. Their readers, which must be `isLasting`, come back. */
  | { readonly kind: 'live'; readonly seconds: number; readonly cutsPerSecond: number }
  /** Waits until all readers, which must be `isLasting`, have the same last event. */
  | { readonly kind: 'agree' }
  /** Lets paused streams read, and waits until all streams together have this many events since they were opened. */
  | { readonly kind: 'resume'; readonly events: number }
  /** Sends GETs for `path` again and again over `together` connections. */
  | {
      readonly kind: 'ask';
      readonly port: number;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly seconds: number;
      readonly together: number;
    }
  | { readonly kind: 'close' };

/** The result of an order. */
export type LoadResult = {
  /** Duration of the order, in ms. */
  readonly wallMs: number;
  /** CPU time of the load client itself, in ms. */
  readonly cpuMs: number;
  /** Number of events that all streams received; for `ask` of answers; for `rest` of handovers. */
  readonly count: number;
  /** Latency over all events and streams, in ms; null if none was measured. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** How long the answers to publish requests took, in ms; null if there was none. */
  readonly answerP50Ms: number | null;
  readonly answerP99Ms: number | null;
};
