import type { Cursor } from '../../core/cursor.ts';
import type { FeedEvent } from '../../core/event.ts';
import type { Problem } from '../../core/sse-frames.ts';
import { type ReaderPositions, type Segment, writeCursor } from '../connection/sequencer.ts';
import type { PollingReason } from '../connection/state.ts';
import type { FeedStatus } from '../connection/status.ts';
import type { FeedItem } from '../transport/messages.ts';
import { readCursorOf, readEvent, readRecord } from '../transport/wire.ts';

/** What a tab that reads reports about itself. */
export type TabReport = {
  readonly isVisible: boolean;
  /** It reads now. False while it is about to. */
  readonly isReading: boolean;
  readonly status: FeedStatus;
  readonly transport: 'stream' | 'poll' | null;
  /** Time in ms until its next try; null while none is planned. */
  readonly retryInMs: number | null;
  readonly problem: Problem | null;
  /** Why streams do not work here; null if they do. */
  readonly pollingReason: PollingReason | null;
  /** It rests, with this pause in ms between two polls; 0: it does not. */
  readonly restMs: number;
  /** Time in ms before which the server wants no request (`Retry-After`); 0 where that is over. */
  readonly notBeforeInMs: number;
  readonly handovers: number;
  readonly reconnects: number;
};

/** Who sends an update. */
export type TabSender = {
  /** Names the tab. */
  readonly tab: string;
  /** False: another tab leads now, and this one reads on until that one does. */
  readonly isLeader: boolean;
};

type UpdateHead = TabSender &
  TabReport & {
    /** Events were lost. Only the log can say which of them another reader has missed. */
    readonly hasGap: boolean;
  };

/**
 * A message between tabs, as it is sent. An update is a stretch of the log: its events are all events after `from` up to
 * `cursor`, without those that the type filter leaves out. So it may come late, twice or never.
 */
export type TabMessage = { readonly kind: 'ask' } | UpdateMessage;

export type UpdateMessage = UpdateHead & {
  readonly kind: 'update';
  readonly from: string | null;
  readonly cursor: string | null;
  readonly events: readonly FeedEvent[];
};

/** An update as it was received, checked and parsed. */
export type TabUpdate = UpdateHead & Segment;

/** What can happen to a tab, beside what can happen to its connection. */
export type TabSignal =
  | { readonly kind: 'granted' | 'lost'; readonly lock: number }
  | { readonly kind: 'joined' | 'unavailable' | 'asked' }
  /** Another tab has read something, or reports about itself. */
  | { readonly kind: 'update'; readonly update: TabUpdate };

/** Reports what a tab accepted since it was at `before`. A gap is not sent as such: each reader has its own. */
export function buildTabUpdate(
  sender: TabSender,
  report: TabReport,
  before: ReaderPositions,
  after: ReaderPositions,
  accepted: readonly FeedItem[],
): UpdateMessage {
  const hasGap = accepted.some((item) => item.kind === 'gap');
  const cursor = writeCursor(after);
  return {
    kind: 'update',
    ...sender,
    ...report,
    hasGap,
    from: hasGap ? cursor : writeCursor(before),
    cursor,
    events: hasGap ? [] : accepted.flatMap((item) => (item.kind === 'event' ? [item.event] : [])),
  };
}

/**
 * Reads another tab's update.
 * @throws FeedError `bad-request` when it is not as this version writes it.
 */
export function parseTabUpdate(message: UpdateMessage, channels: readonly string[]): TabUpdate {
  const { kind: _, from, cursor, events, ...head } = readRecord(message, 'update') as typeof message;
  const at = (text: string | null) => (text === null ? new Map() : readCursorOf(channels, text, 'update'));
  const end: Cursor = at(cursor);
  return { ...head, from: at(from), cursor: end, items: events.map((each) => readEvent(each, end)) };
}
