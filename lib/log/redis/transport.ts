/**
 * The way to a Redis: the commands that the log needs of it, and nothing more. Both ways send the same scripts, so the log
 * in Redis is the same. Every failure is a FeedError, which contains no text of a driver, no address and no secret.
 */
export type RedisTransport = {
  /** Whether the keys of one command must be on one node, and announcements too. */
  readonly isCluster: boolean;
  /**
   * Runs a script: one command, which is never sent twice, because it may have been stored. The caller must check the shape
   * of the answer: a proxy or a broken endpoint can answer with anything.
   */
  evaluate(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Checks that Redis answers. Upstash does not bill it. */
  ping(): Promise<void>;
  /**
   * Subscribes to a pub/sub channel until `signal` aborts or the subscription is lost, with the order and the promises of
   * `EventLog.follow`.
   * @param name a valid name (`isName`) behind a prefix, so that it needs no escaping.
   */
  subscribe(name: string, onSignal: (signal: SubscriptionSignal) => void, signal: AbortSignal): void;
  /** Whether Redis has said that it deletes keys when its memory is full. */
  mayEvict(): boolean;
  /** Ends the subscriptions without a signal, and closes the connections. */
  close(): void;
};

/** What a subscription reports. */
export type SubscriptionSignal =
  | { readonly kind: 'connected' }
  /** Somebody has published this text on the channel. */
  | { readonly kind: 'message'; readonly text: string }
  /** Something came that is no message: one may be missing. */
  | { readonly kind: 'unsure' }
  | { readonly kind: 'lost'; readonly cause: unknown };
