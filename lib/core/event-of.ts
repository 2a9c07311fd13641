import type { DataOf, DeclaredType } from './event-types.ts';
import type { FeedEvent } from './feed-event.ts';

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
