/** What the endpoint was asked for, as the service would bill it. */
export type Counts = {
  /** HTTP requests, subscriptions included, whatever became of them. */
  readonly requests: number;
  /** Billed commands: each of a pipeline or transaction is one, an EVAL is one whatever it does, a subscription is one. */
  readonly commands: number;
  /** Commands by name in upper case; those that are not billed are among them. */
  readonly byName: ReadonlyMap<string, number>;
  /** Subscriptions that are open now. */
  readonly subscriptions: number;
  /** Announcements that came from Redis for an open subscription, whether they were delivered or not. */
  readonly announcements: number;
};

/** Counts that can be counted up. */
export type Counter = {
  readonly counts: Counts;
  request(): void;
  command(name: string): void;
  /** One subscription more, or with -1 one less. */
  subscription(change: 1 | -1): void;
  announcement(): void;
  /** Sets all but the open subscriptions to 0. */
  reset(): void;
};

/** "Operational commands like AUTH, INFO, PING, QUIT, COMMAND are not charged": the service's page on pricing. */
const unbilled = new Set(['AUTH', 'INFO', 'PING', 'QUIT', 'COMMAND']);

export function createCounter(): Counter {
  const byName = new Map<string, number>();
  const counts = { requests: 0, commands: 0, byName, subscriptions: 0, announcements: 0 };
  return {
    counts,
    request() {
      counts.requests += 1;
    },
    command(name) {
      const upper = name.toUpperCase();
      byName.set(upper, (byName.get(upper) ?? 0) + 1);
      if (!unbilled.has(upper)) counts.commands += 1;
    },
    subscription(change) {
      counts.subscriptions += change;
    },
    announcement() {
      counts.announcements += 1;
    },
    reset() {
      counts.requests = 0;
      counts.commands = 0;
      counts.announcements = 0;
      byName.clear();
    },
  };
}
