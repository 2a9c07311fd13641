import type { Gap } from '../../core/continuity.ts';
import type { Cursor, Position } from '../../core/cursor.ts';
import type { FeedEvent, PollAdvice } from '../../core/event.ts';
import type { Handover, Hello, Problem } from '../../core/sse-frames.ts';

/*
 * What sources send, once it is checked (`wire.ts`).
 */

/** What a source sends about one channel. `position` is where its reader is afterwards. */
export type FeedItem =
  | { readonly kind: 'event'; readonly event: FeedEvent; readonly position: Position }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly position: Position };

/** The channel of an item. */
export function channelOf(item: FeedItem): string {
  return item.kind === 'event' ? item.event.channel : item.gap.channel;
}

/** A frame of a stream. `cursor` is the position of the stream after it, `time` that of sending (Unix ms); null: not said. */
export type StreamFrame =
  | { readonly kind: 'hello'; readonly cursor: Cursor; readonly hello: Hello; readonly time: number | null }
  | { readonly kind: 'item'; readonly cursor: Cursor; readonly item: FeedItem }
  | { readonly kind: 'heartbeat'; readonly cursor: Cursor; readonly time: number | null }
  /** A lone comment. */
  | { readonly kind: 'time'; readonly time: number }
  | { readonly kind: 'handover'; readonly cursor: Cursor; readonly handover: Handover }
  /** A channel has ended, and the stream has brought its last event. */
  | { readonly kind: 'end'; readonly cursor: Cursor; readonly channel: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** A page. Its events and gaps are in the order in which a reader accepts them. */
export type Page = {
  readonly items: readonly FeedItem[];
  readonly cursor: Cursor;
  readonly more: boolean;
  /** All channels have ended, and the page reaches their end. */
  readonly hasEnded?: boolean;
  readonly advice: PollAdvice;
};

/** A response that is not what the client asked for. */
export type Refusal = {
  /** The HTTP status. It is 200 if only the content type was wrong. */
  readonly status: number;
  /** `Retry-After` in ms; null without one. */
  readonly retryAfterMs: number | null;
  /** The server's explanation; null if it sent none that can be shown. */
  readonly problem: Problem | null;
};

/** Whether something other than the feed may have answered: a proxy, a captive portal, a server in trouble. A 429 is the feed's. */
export function isUnexpected({ status }: Refusal): boolean {
  return status !== 429;
}
