import type { EventOf } from '../config/event-types.ts';
import type { Gap } from '../core/continuity.ts';
import { formatPosition, parseCursor } from '../core/cursor.ts';
import type { FeedEvent } from '../core/event.ts';
import { FeedError } from '../core/feed-error.ts';
import { defaultChannel, parseName, parseSubject } from '../core/ids.ts';
import { maxRead } from '../log/event-log.ts';
import { outsideRequest } from './node/outside-request.ts';
import { getRuntime } from './runtime.ts';
import { readState, type StatePart, type StatePlace } from './stream/channel-state.ts';
import { FeedReader } from './stream/feed-reader.ts';
import {
  maxChannels,
  maxSubjectFilters,
  maxTypes,
  parseRewind,
  type ReadQuery,
  startOnTails,
} from './stream/start-position.ts';
import { type EventFilter, eventJson, filterFor, isWanted } from './tail/ring-buffer.ts';
import type { Lease } from './tail/tails.ts';

/*
 * Reading from the app's own code: a route handler, a server action, a cron route, or a Node script with the settings in its
 * environment. It needs no read token: check yourself who may have what you read. A loop that waits keeps a script alive;
 * nothing else does.
 */

/** What to read, and from where. `T`: the event types that are asked for, so that an event's type tells what its data is. */
export type ReadFeedOptions<T extends string = string> = {
  /** 1 to 20 channel names. Default: `feed`. */
  readonly channels?: readonly string[];
  /** Only events of these types, at most 100. Default: all types. */
  readonly types?: readonly T[];
  /** Only events about these subjects, at most 100. Default: all events. */
  readonly subjects?: readonly string[];
  /** Start after this cursor: that of an item, the one of a page, or the id that `publish` has returned. */
  readonly after?: string;
  /** Where to start without `after`: `50` events back, `10m` back, or `all`. Default: now, the moment when reading begins. */
  readonly rewind?: string;
  /** Ends the loop, without an error. Default: none. */
  readonly signal?: AbortSignal;
};

/** One turn of the loop. */
export type FeedItem<T extends string = string> =
  | {
      readonly kind: 'event';
      readonly event: EventOf<T>;
      /** The place after this event. Store it, and give it as `after` to read on from here. */
      readonly cursor: string;
    }
  | {
      /** Events are gone: retention removed them, or the log was lost. */
      readonly kind: 'gap';
      readonly gap: Gap;
      readonly cursor: string;
    };

/** A reader of the feed, for `for await`. */
export type FeedItems<T extends string = string> = AsyncIterableIterator<FeedItem<T>, undefined> &
  AsyncDisposable & {
    /** Where the reader is, for `after`; null until it has started. */
    readonly cursor: string | null;
    /**
     * Begins to read, and resolves when the reader has everything that is published from now on. Call it if you start
     * something whose events you must not miss; the loop begins to read by itself.
     * @returns the cursor of this moment.
     */
    ready(): Promise<string>;
  };

/**
 * Reads events as they are published: `for await (const item of readFeed({ channels: ['orders'] }))`. It has the promises of
 * a stream: each event once, in order; a gap for events that are gone. All readers of a process share one tail for each
 * channel, as the streams do. A slow loop holds nothing but its position.
 *
 * It begins at the first turn of the loop. The loop ends with `signal`, `break`, `return` or an error of its body; nothing of
 * it is left then. It ends by itself when all of its channels have ended and it has read them. If it cannot go on, it throws;
 * read on with the cursor of the last item.
 * @throws FeedError `bad-request` at once; from the loop: `log-unavailable` when the log does not answer at the start, or for
 * 30 s later; `stopping` when the process is about to exit; `too-many-streams` if this process follows too many channels.
 */
export function readFeed<const T extends string = string>(options: ReadFeedOptions<T> = {}): FeedItems<T> {
  const runtime = getRuntime();
  const { log, clock, tails, admission, stopping } = runtime;
  const query = queryOf(options);
  let leases: readonly Lease[] = [];
  const reader = new FeedReader({
    clock,
    filter: query.filter,
    signal: options.signal,
    stopping: stopping.signal,
    open() {
      admission.makeSpace(query.channels);
      // A tail outlives the request that starts it.
      return outsideRequest(() => {
        leases = query.channels.map((channel) => tails.lease(channel));
        const leased = leases.map(({ tail }) => tail);
        return { tails: leased, start: startOnTails(log, query, leased) };
      });
    },
    onEnd() {
      for (const lease of leases) lease.release();
    },
  });
  // The server checked the data against the schema when it stored the event.
  return reader as FeedItems<T>;
}

/** What `collectFeed` reads, and until when. */
export type CollectOptions<T extends string, Last extends FeedEvent> = ReadFeedOptions<T> & {
  /** Called with each event; true: it is the last one. */
  readonly until: ((event: EventOf<T>) => event is EventOf<T> & Last) | ((event: EventOf<T>) => boolean);
  /** How long to read at most, in ms; the start counts too. */
  readonly timeoutMs: number;
};

/** What `collectFeed` has read. */
export type Collected<T extends string, Last extends FeedEvent> = {
  /** The event for which `until` returned true; null: the time was over, `signal` has aborted, or the channels have ended. */
  readonly last: Last | null;
  /** All events, in order, `last` too. */
  readonly events: readonly EventOf<T>[];
  readonly gaps: readonly Gap[];
  /** Where the reader is, for `after`; null: the time was over before it had started. */
  readonly cursor: string | null;
};

/**
 * Reads events until one of them is the awaited one, or the time is over: for code that waits for a result. Begin in the past,
 * with `after` or `rewind`, so that a result that is faster than this call is found too.
 * @returns what it has read, also when the time is over: `last` is null then.
 * @throws FeedError as `readFeed` does.
 */
export async function collectFeed<const T extends string = string, Last extends EventOf<T> = EventOf<T>>(
  options: CollectOptions<T, Last>,
): Promise<Collected<T, Last>> {
  const { until, timeoutMs } = options;
  const isLast = until as (event: EventOf<T>) => event is EventOf<T> & Last;
  const events: EventOf<T>[] = [];
  const gaps: Gap[] = [];
  const items = readFeed(options);
  const end = () => void items.return?.();
  const cancelTimer = getRuntime().clock.after(timeoutMs, end);
  let last: Last | null = null;
  try {
    for await (const item of items) {
      if (item.kind === 'gap') {
        gaps.push(item.gap);
        continue;
      }
      events.push(item.event);
      if (!isLast(item.event)) continue;
      last = item.event;
      break;
    }
  } finally {
    cancelTimer();
  }
  return { last, events, gaps, cursor: items.cursor };
}

/** Which part of a channel's state to read. */
export type ReadLatestOptions<T extends string = string> = {
  /** Default: `feed`. */
  readonly channel?: string;
  /** Only latest events of these types, at most 100. Default: all types. */
  readonly types?: readonly T[];
  /** Only these subjects, at most 100. Default: all subjects. */
  readonly subjects?: readonly string[];
};

/** The state of a channel. */
export type Latest<T extends string = string> = {
  /** The latest event of each subject, by the subject, in the order in which the log stored them. */
  readonly events: ReadonlyMap<string, EventOf<T>>;
  /** Where the state is true: give it to `readFeed` as `after` to follow what happens next. */
  readonly cursor: string;
  /** The channel has ended: nothing follows. */
  readonly hasEnded: boolean;
};

/**
 * Reads the state of a channel: the latest event of each subject, without those that were removed or have expired. It asks the
 * log, in pages of up to 500 subjects; readers who ask at the same time share the answers.
 * @throws FeedError `bad-request`, `log-unavailable`, `misconfigured`.
 */
export async function readLatest<const T extends string = string>(
  options: ReadLatestOptions<T> = {},
): Promise<Latest<T>> {
  const channel = parseName(options.channel ?? defaultChannel, 'channel');
  const filter = filterOf(options);
  const runtime = getRuntime();
  let events = new Map<string, EventOf<T>>();
  let place: StatePlace = null;
  for (;;) {
    const part: StatePart = await readState(runtime, channel, place, maxRead);
    // The log was lost since the first part: this is the first part of the new one.
    if (place !== null && place.position.epoch !== part.position.epoch) events = new Map();
    for (const event of part.events) {
      if (!isWanted(filter, event)) continue;
      const read = JSON.parse(eventJson(channel, event)) as EventOf<T>;
      if (read.subject !== undefined) events.set(read.subject, read);
    }
    place = part.next;
    if (place !== null) continue;
    return { events, cursor: formatPosition(part.position), hasEnded: part.hasEnded };
  }
}

function queryOf({ channels = [defaultChannel], after, rewind, ...filters }: ReadFeedOptions): ReadQuery {
  const names = namesOf(channels, 'channels', maxChannels);
  return {
    channels: names,
    filter: filterOf(filters),
    start:
      after !== undefined
        ? { kind: 'cursor', cursor: parseCursor(after, names, 'after') }
        : rewind !== undefined
          ? { kind: 'rewind', rewind: parseRewind(rewind) }
          : { kind: 'now' },
  };
}

function filterOf({ types, subjects }: Pick<ReadFeedOptions, 'types' | 'subjects'>): EventFilter | null {
  return filterFor(
    types === undefined ? [] : namesOf(types, 'types', maxTypes),
    subjects === undefined ? [] : namesOf(subjects, 'subjects', maxSubjectFilters, parseSubject),
  );
}

function namesOf(texts: readonly string[], what: string, most: number, parse = parseName): readonly string[] {
  const names = [...new Set(texts.map((text, index) => parse(text, `${what}[${index}]`)))];
  if (names.length > 0 && names.length <= most) return names;
  const fault =
    names.length === 0
      ? `The list is empty. Name 1 to ${most}, or leave it out.`
      : `The list has ${names.length}; the limit is ${most}. Split it into several readers.`;
  throw new FeedError('bad-request', `${what}: ${fault}`);
}
