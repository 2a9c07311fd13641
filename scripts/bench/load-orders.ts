/** Where events are read and published. */
export type Target = {
  readonly port: number;
  readonly streamPath: string;
  readonly publishPath: string;
  readonly publishHeaders: Readonly<Record<string, string>>;
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

/** What the load client can be told to do. */
export type LoadOrder =
  /** Opens `count` streams, `together` at a time, and waits until each has sent its first bytes. */
  | {
      readonly kind: 'open';
      readonly target: Target;
      readonly count: number;
      readonly together: number;
      readonly isReading: boolean;
    }
  | PublishOrder
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
  /** Events received, over all streams; of `ask`: answers. */
  readonly count: number;
  /** From publishing to receiving, in ms, over all events and streams; null where none was measured. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};
