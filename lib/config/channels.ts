/**
 * What the log keeps of a channel. Edit the list: the first line that fits a channel decides for it, and the rest of the list
 * does not count. What a line leaves out has its default. A channel without a line has all defaults.
 *
 * The server checks the list when it starts; a change needs a restart. A rule applies when something is published: a channel that
 * nobody publishes to stays as it is. `docs/operations.md` has the ranges.
 */
export const channels: readonly ChannelLine[] = [
  // A job writes its log to a channel of its own, and ends it. An hour later the channel is deleted.
  // { channels: 'job.*', expireAfterEndSeconds: 3_600 },
  // The present value of each machine is enough: few events of the past, and many subjects.
  // { channels: 'machines', retentionEvents: 1_000, maxSubjects: 50_000 },
  // Nothing of a customer stays for longer than 30 days, if the channel is still used.
  // { channels: 'customer.*', retentionSeconds: 30 * 86_400 },
];

/** One line of the list. */
export type ChannelLine = {
  /** The name of a channel, or the beginning of names followed by `*`; `*` alone fits all. */
  readonly channels: string;
  /** How many events a channel keeps, at least; the log removes older ones in blocks. Default: `FEED_RETENTION`, 10,000. */
  readonly retentionEvents?: number;
  /**
   * How long a channel keeps an event, at least. Each publish to the channel removes older ones, in blocks; the last event
   * stays. Default: as long as `retentionEvents` allows.
   */
  readonly retentionSeconds?: number;
  /**
   * How long after its end (`end: true`, `endChannel`) a channel is deleted, with its state. Default: an ended channel is kept as
   * any other; Redis deletes it after `CHANNEL_MAX_IDLE_DAYS`.
   */
  readonly expireAfterEndSeconds?: number;
  /** How many subjects a channel may have. One more is refused; removed and expired ones do not count. Default: 10,000. */
  readonly maxSubjects?: number;
};
