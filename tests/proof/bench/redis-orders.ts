/** What the process of the REST endpoint can be told. Each is answered with the counts as they are then. */
export type RedisOrder =
  | { readonly kind: 'count' }
  /** Counts from 0 again. */
  | { readonly kind: 'reset' }
  /**
   * From now on every way between the servers and Redis takes 2 to 6 ms, drawn by a seed: a call takes one ahead of being
   * executed and one ahead of its answer, a round trip of 8 ± 4 ms; an announcement takes one. The announcements of a
   * subscription stay in order.
   */
  | { readonly kind: 'slow'; readonly seed: number };

/** As the service bills; counted by the endpoint. What a script does within Redis is one command. */
export type RedisCounts = {
  readonly commands: number;
  /** HTTP requests. */
  readonly requests: number;
};

/** What the endpoint says first. */
export type RedisAddress = { readonly url: string; readonly token: string };
