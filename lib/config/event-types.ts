import { z } from 'zod';
import type { FeedEvent } from '../core/event.ts';
import { FeedError } from '../core/feed-error.ts';

/**
 * The event types this feed knows, and the shape of their data. Edit this to make it your feed's.
 * A type that is not listed takes any JSON.
 */
export const eventTypes = {
  /** What `npm run demo` publishes about the machine, once a second. */
  machine: z.object({
    /** Average runnable processes in the last minute. */
    load: z.number(),
    memoryUsedPercent: z.number().min(0).max(100),
    diskUsedPercent: z.number().min(0).max(100),
    uptimeSeconds: z.number().nonnegative(),
    /** 99th percentile of how late the publisher's own timers ran, in ms. */
    eventLoopDelayMs: z.number().nonnegative(),
  }),
} as const satisfies Record<string, z.ZodType>;

/** A type whose data has a shape declared here. */
type DeclaredType = keyof typeof eventTypes;

/** The data of an event of a declared type. */
type DataOf<T extends DeclaredType> = z.output<(typeof eventTypes)[T]>;

/**
 * Holds `data` against the shape declared for `type`.
 * @param what names the event in the error: `events[3]`.
 * @throws FeedError `data-does-not-fit`, naming the path.
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
 * An event of type `T`. Its data has the shape that is declared for the type, and is unknown where none is. The shape
 * was checked when it was published: an event that was stored under an earlier schema keeps the shape of that one.
 */
export type EventOf<T extends string = string> = T extends DeclaredType
  ? FeedEvent & { readonly type: T; readonly data: DataOf<T> }
  : FeedEvent & { readonly type: T };

/** Whether an event is of the declared type `type`; then its data has that type's shape. */
export function isOfType<T extends DeclaredType>(event: FeedEvent, type: T): event is EventOf<T> {
  return event.type === type;
}
