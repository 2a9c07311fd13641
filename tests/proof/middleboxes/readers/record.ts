/** How often events are published on a channel. The name is the channel's name too. */
export const feeds = ['quiet', 'busy'] as const;
export type FeedName = (typeof feeds)[number];

/** Whose reader it is. */
export const readerNames = {
  steadfeed: 'Steadfeed',
  eventSource: '`EventSource`',
  upstashRealtime: '`@upstash/realtime` 1.1',
} as const;
export type ReaderKind = keyof typeof readerNames;

/** One reader of a run. */
export type ReaderOrder = {
  readonly kind: ReaderKind;
  readonly feed: FeedName;
  /** The middlebox in front of it. */
  readonly box: string;
  readonly url: string;
};

/** What a reader did and got. All times are in ms since 1970. */
export type ReaderRecord = Omit<ReaderOrder, 'url'> & {
  readonly startedAt: number;
  /** The name of each event, in the order of arrival, and when it was shown. */
  readonly events: readonly (readonly [name: string, at: number])[];
  /** Each change of the status. `live`: events arrive by a stream. `polling`: by polls. `down`: neither, as far as it knows. */
  readonly statuses: readonly (readonly [status: ReaderStatus, at: number])[];
  readonly requestsAt: readonly number[];
};

export type ReaderStatus = 'live' | 'polling' | 'down';

/** A record that grows. */
export type Recorder = {
  event(name: string): void;
  status(status: ReaderStatus): void;
  request(): void;
  read(): ReaderRecord;
};

export function createRecorder({ kind, feed, box }: ReaderOrder): Recorder {
  const events: [string, number][] = [];
  const statuses: [ReaderStatus, number][] = [['down', Date.now()]];
  const requestsAt: number[] = [];
  const startedAt = Date.now();
  return {
    event: (name) => void events.push([name, Date.now()]),
    status(status) {
      if (statuses.at(-1)?.[0] !== status) statuses.push([status, Date.now()]);
    },
    request: () => void requestsAt.push(Date.now()),
    read: () => ({ kind, feed, box, startedAt, events, statuses, requestsAt }),
  };
}
