import type { PublishData } from '../config/event-types.ts';
import { FeedError } from '../core/feed-error.ts';
import { parseName } from '../core/ids.ts';
import { maxAppend } from '../log/event-log.ts';
import { getRuntime } from './runtime.ts';
import {
  checkEvents,
  checkIdempotencyKey,
  findNonJson,
  type GivenEvent,
  type StoredEvents,
  storeEvents,
} from './store-events.ts';

/*
 * Publishing from the app's own code: a server action, a route handler, `after()`, a cron route, or a Node script with the
 * settings in its environment. It needs no publish token. From the check of the events on it is what `POST /api/events` does.
 */

/** Most bytes of data in one call, as JSON. A request over HTTP has the same limit. */
export const maxPublishBytes = 1024 * 1024;

/** What an event can have besides its type and data. */
export type EventOptions = {
  /** Default: `feed`. */
  readonly channel?: string;
  /** What the event is about, 1 to 200 characters: it becomes the latest event of this subject. Default: nothing. */
  readonly subject?: string;
  /** Takes the subject out of the channel's state. Default: false. */
  readonly remove?: boolean;
  /** After how many seconds the event is no longer part of the state, 1 to 2,592,000. It needs a subject. Default: never. */
  readonly ttlSeconds?: number;
  /** Ends the channel with this event: nobody can publish to it any more. Default: false. */
  readonly end?: boolean;
};

/** How an event is published. */
export type PublishOptions = EventOptions & {
  /**
   * The name of this publish, 1 to 200 printable ASCII characters. A second call with the same key and the same events within
   * 24 h stores nothing, and returns the first ids. With a key it is safe to retry after `log-unavailable`. Default: none.
   */
  readonly idempotencyKey?: string;
};

/** What `publish` returns. */
export type Published = {
  /** The id of the event: `1763841234567-42`. `readFeed` takes it as `after`. */
  readonly id: string;
  /** An earlier call with the same idempotency key stored the event; `id` is the one of that call. */
  readonly duplicate: boolean;
};

/**
 * Publishes one event: `await publish('order.created', { id: 7 }, { channel: 'orders' })`. When it returns, the event is
 * stored.
 * @param data must have the shape that `lib/config/event-types.ts` declares for the type. A type that is not declared accepts
 * any JSON. The log stores what the schema returns.
 * @throws FeedError with one of these codes: `bad-request`, `data-does-not-fit`, `too-large`, `key-reused`, `channel-ended`,
 * `too-many-subjects`, `rate-limited`, `log-unavailable`, `misconfigured`. After `log-unavailable` the event may be stored all the same. An error that the schema's
 * own code throws reaches you as it is.
 */
export async function publish<T extends string>(
  type: T,
  data: PublishData<T>,
  { idempotencyKey, ...options }: PublishOptions = {},
): Promise<Published> {
  const { ids, duplicate } = await store([toGiven({ ...options, type, data }, 'event')], idempotencyKey);
  const [id = ''] = ids;
  return { id, duplicate };
}

/** How a channel is ended. */
export type EndOptions<T extends string> = {
  /** The type of its last event. Default: `end`. */
  readonly type?: T;
  /** Default: null. */
  readonly data?: PublishData<T>;
  /** As for `publish`. Default: none. */
  readonly idempotencyKey?: string;
};

/**
 * Ends a channel: `await endChannel('job.7')`. Its readers get this event and then the end; their streams close, and their
 * clients stop. To end a channel with an event that has a subject, use `publish` with `end`.
 * @throws FeedError as `publish` does; `channel-ended` if it has ended already.
 */
export function endChannel<T extends string = 'end'>(
  channel: string,
  { type = 'end' as T, data = null as PublishData<T>, idempotencyKey }: EndOptions<T> = {},
): Promise<Published> {
  const options = { channel, end: true, ...(idempotencyKey !== undefined && { idempotencyKey }) };
  return publish(type, data, options);
}

/**
 * Deletes a channel with all of its events and its state. Its readers get a gap `restarted`. A later publish starts it again.
 * Shared caches may still have pages of it: those of an ended channel for up to an hour.
 * @throws FeedError `bad-request`, `log-unavailable`, `misconfigured`.
 */
export async function forgetChannel(channel: string): Promise<void> {
  await getRuntime().log.forget(parseName(channel, 'channel'));
}

/** An event for `publishAll`. */
export type EventToPublish<T extends string = string> = EventOptions & {
  readonly type: T;
  readonly data: PublishData<T>;
};

/**
 * Publishes 1 to 500 events in one atomic step: the log stores all of them, or none. Events of one channel get neighbouring
 * ids, in the order of the list.
 * @returns the ids in the order of the list.
 * @throws FeedError as `publish` does; the text names the event, for example `events[3].data.total`.
 */
export async function publishAll<const T extends readonly string[]>(
  events: { readonly [Index in keyof T]: EventToPublish<T[Index]> },
  { idempotencyKey }: Pick<PublishOptions, 'idempotencyKey'> = {},
): Promise<StoredEvents> {
  const list: readonly EventToPublish[] = events;
  if (list.length === 0)
    throw new FeedError('bad-request', `The list has no event. Publish 1 to ${maxAppend}.`);
  if (list.length > maxAppend) {
    throw new FeedError(
      'too-large',
      `The list has ${list.length} events; the limit is ${maxAppend}. No events were stored. Publish them in several calls.`,
    );
  }
  return store(
    list.map((event, index) => toGiven(event, `events[${index}]`)),
    idempotencyKey,
  );
}

async function store(
  given: readonly GivenEvent[],
  idempotencyKey: string | undefined,
): Promise<StoredEvents> {
  if (idempotencyKey !== undefined) checkIdempotencyKey(idempotencyKey, 'idempotencyKey');
  const runtime = getRuntime();
  const events = await checkEvents(given);
  let bytes = 0;
  for (const { data } of events) bytes += Buffer.byteLength(data);
  if (bytes > maxPublishBytes) {
    throw new FeedError(
      'too-large',
      `The events have ${bytes} bytes of data as JSON; the limit is ${maxPublishBytes}. No events were stored. Publish them in several calls.`,
    );
  }
  return storeEvents(runtime, events, idempotencyKey ?? null, null);
}

/** @throws FeedError `bad-request` for data that JSON would lose or change: a request over HTTP cannot have it. */
function toGiven(value: unknown, what: string): GivenEvent {
  const data: unknown =
    typeof value === 'object' && value !== null && 'data' in value ? value.data : undefined;
  const fault = data === undefined ? null : findNonJson(data, `${what}.data`);
  if (fault === null) return { value, what };
  throw new FeedError(
    'bad-request',
    `${fault.path} is ${fault.found}, which JSON cannot hold. Use text, finite numbers, true, false, null, arrays and plain objects.`,
  );
}
