import type { FeedErrorCode } from './feed-error.ts';

/*
 * What the page `/status` shows of one process. The process measures itself; another process of the same feed does so too.
 */

/** The state of one process at one moment. */
export type ProcessStatus = {
  /** A name that no other process has: `web-1-k3f9`. */
  readonly name: string;
  readonly version: string;
  /** Unix time in ms at which this was measured, and at which the process began. */
  readonly time: number;
  readonly startedAt: number;
  readonly log: LogStatus;
  /** Open streams, polls that wait, and how many of both together the process may hold (`STREAM_MAX_CONNECTIONS`). */
  readonly streams: number;
  readonly waitingPolls: number;
  readonly slots: number;
  /** The busiest channels that the process follows. */
  readonly channels: readonly ChannelStatus[];
  /** How many channels the process follows, those that are not listed too. */
  readonly channelCount: number;
  /** Commands to the log in an hour, at the rate of the last minutes. */
  readonly commandsPerHour: number;
  /** How long events took from the log to the readers; null: there was none lately. */
  readonly lag: Percentiles | null;
  /** Events that the process sent to readers in a minute, at the rate of the last minutes. */
  readonly deliveriesPerMinute: number;
  /** Refused requests, the most frequent first. */
  readonly refusals: readonly RefusalCount[];
  /** Events that readers missed and got a gap for, since the start. */
  readonly gaps: number;
  /** Subscriptions to the log that broke and began again, since the start. */
  readonly resubscriptions: number;
  /** Bytes that the process has in memory, and may have; null: no limit is known. */
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number | null;
  /** Settings whose values are no secrets, as name and value. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly month: MonthCost;
};

/** Whether the log answers, and how fast. */
export type LogStatus = {
  /** Which log it is, in words: `Redis (Upstash REST)`. */
  readonly kind: string;
  readonly isReachable: boolean;
  /** What the log said when it failed; null while it answers. */
  readonly problem: string | null;
  /** How long its last answers took; null: it was not asked lately. */
  readonly latency: Percentiles | null;
};

/** A channel that a process follows. */
export type ChannelStatus = {
  readonly name: string;
  /** The last id, `0-0` in an empty channel. */
  readonly lastId: string;
  /** Streams and waiting polls of this process that follow it. */
  readonly readers: number;
  readonly eventsPerMinute: number;
};

/** In ms: half of all values are at most `p50`, 99 of 100 at most `p99`. */
export type Percentiles = { readonly p50: number; readonly p99: number };

/** How often requests were refused with one code. */
export type RefusalCount = {
  readonly code: FeedErrorCode;
  /** In the last five minutes, and since the start. */
  readonly lately: number;
  readonly total: number;
};

/** What a month costs if it goes on as now. */
export type MonthCost = {
  /** Dollars, by what is paid for. Empty: nothing is billed by use here. */
  readonly lines: readonly { readonly what: string; readonly amount: string; readonly dollars: number }[];
  readonly dollars: number;
  /** Where the prices are from, and their date. */
  readonly prices: string;
};

/** The channel, and the type of the events, of the feed that the page reads. It is not in the log. */
export const statusChannel = 'status';
export const statusType = 'process';
