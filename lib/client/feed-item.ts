import type { Gap } from '../core/continuity.ts';
import type { Position } from '../core/cursor.ts';
import type { FeedEvent } from '../core/event.ts';

/** What a source tells of one channel, checked and parsed; `position` is where its reader is after it. */
export type FeedItem =
  | { readonly kind: 'event'; readonly event: FeedEvent; readonly position: Position }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly position: Position };
