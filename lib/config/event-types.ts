import { z } from 'zod';
import type { FeedEvent } from '../core/event.ts';
import { FeedError } from '../core/feed-error.ts';

/**
 * The shapes of this feed's events: type → schema of its data. Edit this list to make it your feed's. The server refuses
 * events of a listed type whose data does not fit; a type that is not listed accepts any JSON. `npm run demo` and its tests
 * use `machine`.
 */
export const eventTypes = {
  /** The state of the machine; `npm run demo` publishes it once a second. */
  machine: z.object({
    /** Average number of runnable processes in the last minute. */
    load: z.number(),
    memoryUsedPercent: z.number().min(0).max(100),
    diskUsedPercent: z.number().min(0).max(100),
    uptimeSeconds: z.number().nonnegative(),
    /** How late the publisher's own timers ran, in ms: the 99th percentile. */
    eventLoopDelayMs: z.number().nonnegative(),
  }),
} as const satisfies Record<string, z.ZodType>;

/** A type whose data has a shape declared here. */
type DeclaredType = keyof typeof eventTypes;

/** The data of an event of a declared type. */
type DataOf<T extends DeclaredType> = z.output<(typeof eventTypes)[T]>;

/**
 * Checks `data` against the shape declared for `type`.
 * @param what names the event in the error: `events[3]`.
 * @throws FeedError `data-does-not-fit`, with the path of the first wrong value.
 */
export function checkData(type: string, data: unknown, what: string): void {
  if (!Object.hasOwn(eventTypes, type)) return;
  const schema: z.ZodType = eventTypes[type as DeclaredType];
  const result = schema.safeParse(data);
  if (result.success) return;
  const [issue] = result.error.issues;
  const path = [`${what}.data`, ...(issue?.path ?? []).map(String)].join('.');
  throw new FeedError('data-does-not-fit', `${path}: ${issue?.message ?? 'does not fit'} (type "${type}")`);
}

/**
 * An event of type `T`. Its data has the shape declared for the type, or is `unknown` if none is declared. The server
 * checked the shape when it stored the event, so an event that is older than your last edit has the shape of its time.
 */
export type EventOf<T extends string = string> = T extends DeclaredType
  ? FeedEvent & { readonly type: T; readonly data: DataOf<T> }
  : FeedEvent & { readonly type: T };

/** Whether an event has the declared type `type`, so that TypeScript knows the shape of its data. */
export function isOfType<T extends DeclaredType>(event: FeedEvent, type: T): event is EventOf<T> {
  return event.type === type;
}
