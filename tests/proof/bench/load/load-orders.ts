/** Where events are read and published. */
export type Target = {
  readonly port: number;
  readonly streamPath: string;
  /** In what a stream sends once it is open: what is published from then on is for it. */
  readonly openMark: string;
  readonly publishPath: string;
  readonly publishHeaders: Readonly<Record<string, string>>;
  /** How a reader goes on where it was; not given: it cannot. */
  readonly resume?: Resume;
  /** Nothing streams: `streamPath` is asked for again and again, this long apart, after the cursor of the last answer. */
  readonly pollEveryMs?: number;
};

/** Texts by which a reader knows where it is, and when it is to leave. */
export type Resume = {
  /** Ahead of each position, and behind it. */
  readonly idMark: string;
  readonly idEnd: string;
  /** In what is sent when the stream is to be left for the next one. */
  readonly handoverMark: string;
  /** The parameter that takes a position; `<channel>` stands for the channel. */
  readonly query: string;
};

/**
 * Publishes `events` in batches, `together` at a time, and waits until every open stream has all of them; without
 * `isWaiting` until they are stored.
 */
export type PublishOrder = {
  readonly kind: 'publish';
  readonly target: Target;
  readonly events: number;
  readonly batch: number;
  readonly together: number;
  /** Time in ms from one batch to the next; 0: the next as soon as one is answered. */
  readonly everyMs: number;
  /** The next batch waits until every stream has the last. */
  readonly isStepwise: boolean;
  readonly isWaiting: boolean;
  /** Size of an event's data in bytes, at least. */
  readonly bytes: number;
};

/** Opens `count` streams, `together` at a time, and waits until each has said that it is open. */
export type OpenOrder = {
  readonly kind: 'open';
  readonly target: Target;
  readonly count: number;
  readonly together: number;
  readonly isReading: boolean;
  /** Spread evenly over so many channels, one each; not given: all read the default one. */
  readonly channels?: number;
  /** Readers know where they are, and follow handovers. They look at more than a count, so nothing is timed then. */
  readonly isLasting?: boolean;
};

/** What the load client can be told to do. */
export type LoadOrder =
  | OpenOrder
  | PublishOrder
  /** Closes all streams, which were opened to last; `return` opens as many at once, each where one was. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'return' }
  /** Does nothing but follow handovers. */
  | { readonly kind: 'rest'; readonly seconds: number }
  /** Lets streams read that do not, and waits until all have so many events together since they were opened. */
  | { readonly kind: 'resume'; readonly events: number }
  /** Asks for `path` again and again over `together` connections. */
  | {
      readonly kind: 'ask';
      readonly port: number;
      readonly path: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly seconds: number;
      readonly together: number;
    }
  | { readonly kind: 'close' };

/** What came of it. */
export type LoadResult = {
  /** From the order to its end, in ms. */
  readonly wallMs: number;
  /** CPU time of the load client itself, in ms. */
  readonly cpuMs: number;
  /** Events received, over all streams; of `ask`: answers; of `rest`: handovers followed. */
  readonly count: number;
  /** From publishing to receiving, in ms, over all events and streams; null where none was measured. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};
