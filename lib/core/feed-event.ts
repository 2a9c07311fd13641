/** One immutable fact, as every reader gets it. */
export type FeedEvent = {
  /** `<time>-<seq>`, unique and increasing within its channel's epoch. */
  readonly id: string;
  readonly channel: string;
  readonly type: string;
  /** Unix time in ms at which the log took it; the same as the id's. */
  readonly time: number;
  /** Any JSON value, equal to the one that was published. */
  readonly data: unknown;
};
