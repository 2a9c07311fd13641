import { z } from 'zod';
import type { FeedEvent } from '../core/event.ts';

/**
 * The shapes of this feed's events: type → schema of its data. Edit this list to make it your feed's. The server refuses
 * events of a listed type whose data does not fit; a type that is not listed accepts any JSON. `npm run demo` and its tests
 * use those that are here.
 *
 * The log stores what the schema returns: defaults are filled in, and transforms have their effect. Members that a schema does
 * not name are left out by `z.object`, kept by `z.looseObject`, refused by `z.strictObject`. A `refine` may be asynchronous.
 * The result must be JSON: a schema that returns a Date, a Map or a bigint is refused; let it end with
 * `.transform((date) => date.toISOString())`.
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
  /** What a machine, or one of its processes, uses now; `npm run demo` publishes it. The subject names it: `web-1`, `web-1:redis`. */
  host: z.object({
    /** How much of all cores of the machine was used in the last seconds. */
    busyPercent: z.number().min(0).max(100),
    memoryMegabytes: z.number().nonnegative(),
    /** As in `machine`; null: the row is of a process. */
    load: z.number().nullable(),
  }),
  /** A process of the machine that has started or ended. */
  process: z.object({ name: z.string(), pid: z.number(), state: z.enum(['started', 'ended']) }),
  /** A commit: a line of `git log --oneline`, or its parts. */
  commit: z.union([z.string(), z.object({ commit: z.string(), text: z.string(), author: z.string() })]),
} as const satisfies Record<string, z.ZodType>;

/** A type whose data has a shape declared here. */
type DeclaredType = keyof typeof eventTypes;

/** The data of an event of a declared type, as readers get it: the output of its schema. */
type DataOf<T extends DeclaredType> = z.output<(typeof eventTypes)[T]>;

/** The schema of a type; null: none is declared. */
export function schemaOf(type: string): z.ZodType | null {
  return Object.hasOwn(eventTypes, type) ? eventTypes[type as DeclaredType] : null;
}

/**
 * The data that a publisher gives for an event of type `T`: the input of the type's schema. A type without a schema accepts
 * any JSON; the server checks that it is JSON.
 */
export type PublishData<T extends string> = T extends DeclaredType
  ? z.input<(typeof eventTypes)[T]>
  : string | number | boolean | null | object;

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
