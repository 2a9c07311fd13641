/** Who answers: one of our routes, or the framework if no route takes the address or method. */
export type Route = 'events' | 'stream' | 'health' | 'page' | 'framework';

/** One expected answer. */
export type ExpectedAnswer = {
  readonly method: string;
  readonly route: Route;
  /** The right statuses; null: any that is not a failure of the server. */
  readonly statuses: readonly number[] | null;
  /** Time limit, in ms. */
  readonly withinMs: number;
  /** Whether the target names a host, as for a proxy. The framework may then redirect to it. */
  readonly namesHost: boolean;
  /** Whether the answer may stay open. Its first bytes are then enough. */
  readonly isHeld: boolean;
  /** The body of a publish request; null for other requests. */
  readonly body: PublishBody | null;
  /** The answer must have the newest event of this channel, if any was stored before the request; null: no such check. */
  readonly newestOf: string | null;
};

export type PublishBody = { readonly form: 'json' | 'lines'; readonly bytes: Buffer };

/** What happens to the connection after the last byte is written. */
export type Ending =
  /** Wait for every answer. */
  | { readonly kind: 'answers' }
  /** Check what has arrived after this time and destroy the connection; with `isOverWhenAnswered` after the last answer. */
  | { readonly kind: 'leave'; readonly afterMs: number; readonly isOverWhenAnswered?: true }
  /** Close our half; the server must then close its half. */
  | { readonly kind: 'half-close' };

/** What one request sends, and what must be answered. */
export type Input = {
  /** Written one after the other, if possible each in a TCP segment of its own. */
  readonly parts: readonly Buffer[];
  /** Whether the request is complete, so that the next one can use the same connection. */
  readonly keepsConnection: boolean;
  /** In the order of the answers. An incomplete request may get more answers than these. */
  readonly expectedAnswers: readonly ExpectedAnswer[];
  readonly ending: Ending;
};

export type Plan = Input & { readonly number: number; readonly kind: string };
