/** Who answers: a route of ours, or whatever the framework makes of an address or a method that no route takes. */
export type Route = 'events' | 'stream' | 'health' | 'page' | 'framework';

/** One answer that is awaited. */
export type Ask = {
  readonly method: string;
  readonly route: Route;
  /** Statuses that are right; null: any that is not a failure of the server. */
  readonly statuses: readonly number[] | null;
  /** Longest until it is there. */
  readonly withinMs: number;
  /** Whether the target names a host, as it does for a proxy: then the framework may send on to that. */
  readonly namesHost: boolean;
  /** Whether it may stay open: its first bytes are what is awaited. */
  readonly isHeld: boolean;
  /** Body of a request that publishes, if it is taken. */
  readonly body: PublishBody | null;
  /** Channel whose newest event the answer must hold, if any was stored ahead of the request. */
  readonly newestOf: string | null;
};

export type PublishBody = { readonly form: 'json' | 'lines'; readonly bytes: Buffer };

/** How a request's connection goes on when all is written. */
export type Ending =
  /** Every answer is awaited. */
  | { readonly kind: 'answers' }
  /** Whatever has come by then is judged, and the connection destroyed: at once when every answer is there, if so said. */
  | { readonly kind: 'leave'; readonly afterMs: number; readonly isOverWhenAnswered?: true }
  /** Our half is closed; the server must then close its own. */
  | { readonly kind: 'half-close' };

/** What is sent for one number: bytes, and what must come of them. */
export type Input = {
  /** Written one after the other, each in a segment of its own where the system lets it. */
  readonly parts: readonly Buffer[];
  /** Whether the framing is whole, so that the next request may follow on the same connection. */
  readonly keepsConnection: boolean;
  /** In the order of the answers. Answers beyond these may come where the framing is not whole. */
  readonly asks: readonly Ask[];
  readonly ending: Ending;
};

export type Plan = Input & { readonly number: number; readonly kind: string };
