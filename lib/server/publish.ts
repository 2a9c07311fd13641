import type { PublishData } from '../config/event-types.ts';
import { FeedError } from '../core/feed-error.ts';
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

/** How an event is published. */
export type PublishOptions = {
  /** Default: `feed`. */
  readonly channel?: string;
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
 * @throws FeedError with one of these codes: `bad-request`, `data-does-not-fit`, `too-large`, `key-reused`, `rate-limited`,
 * `log-unavailable`, `misconfigured`. After `log-unavailable` the event may be stored all the same. An error that the schema's
 * own code throws reaches you as it is.
 */
export async function publish<T extends string>(
  type: T,
  data: PublishData<T>,
  { channel, idempotencyKey }: PublishOptions = {},
): Promise<Published> {
  const { ids, duplicate } = await store([toGiven({ channel, type, data }, 'event')], idempotencyKey);
  const [id = ''] = ids;
  return { id, duplicate };
}

/** An event for `publishAll`. */
export type EventToPublish<T extends string = string> = {
  readonly type: T;
  readonly data: PublishData<T>;
  /** Default: `feed`. */
  readonly channel?: string;
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
