import type { Cursor } from '../../core/cursor.ts';
import type { FeedEvent } from '../../core/event.ts';
import type { Problem } from '../../core/sse-frames.ts';
import { type ReaderPositions, writeCursor } from '../connection/sequencer.ts';
import type { Connection } from '../connection/state.ts';
import { type FeedStatus, problemOf, retryAtOf, statusOf, transportOf } from '../connection/status.ts';
import type { FeedEntry, FeedItem } from '../transport/feed-items.ts';
import { readCursorOf, readEvent, readRecord } from '../transport/wire.ts';

/**
 * What tabs say to each other, as it is sent. `told` is a stretch of the log: its events are all there are after
 * `from` up to `cursor`, but for those a filter leaves out. So it stands for itself, and may come late, twice or never.
 */
export type TabMessage =
  /** Is anybody leading? */
  | { readonly kind: 'ask' }
  | (TabReport & {
      readonly kind: 'told';
      readonly from: string | null;
      readonly cursor: string | null;
      readonly events: readonly FeedEvent[];
    });

/** What a tab that reads says of itself. */
export type TabReport = {
  /** Names the tab. */
  readonly tab: string;
  /** False of a tab that was followed by another, and reads on until that one does. */
  readonly isLeader: boolean;
  readonly isVisible: boolean;
  /** It reads now; false while it is about to. */
  readonly isReading: boolean;
  /** There was a loss; what it is to another reader only the log can tell. */
  readonly hasGap: boolean;
  readonly status: FeedStatus;
  readonly transport: 'stream' | 'poll' | null;
  /** Time in ms to its next try; null while it waits for none. */
  readonly retryInMs: number | null;
  readonly problem: Problem | null;
  /** It has found that streams do not come through. */
  readonly isFallen: boolean;
  /** The server named the time of its next try. */
  readonly isHeld: boolean;
  readonly handovers: number;
  readonly reconnects: number;
};

/** `told` as it was heard: checked and parsed. */
export type Told = TabReport & {
  readonly from: Cursor;
  readonly cursor: Cursor;
  readonly items: readonly FeedItem[];
};

/** What a tab says of itself now. */
export function reportOf(
  connection: Connection,
  now: number,
): Omit<TabReport, 'tab' | 'isLeader' | 'hasGap'> {
  const retryAt = retryAtOf(connection);
  return {
    isVisible: !connection.isHidden,
    isReading:
      connection.mode === 'streaming' || (connection.mode === 'polling' && connection.pollFailures === 0),
    status: statusOf(connection),
    transport: transportOf(connection),
    retryInMs: retryAt === null ? null : Math.max(0, retryAt - now),
    problem: problemOf(connection),
    isFallen: connection.isStreamingBlocked,
    isHeld: connection.isRetryAfterPending,
    handovers: connection.handovers,
    reconnects: connection.reconnects,
  };
}

/** Says what a tab took since it was at `before`. A loss is not told as such: each reader has its own. */
export function tell(
  connection: Connection,
  before: ReaderPositions,
  taken: readonly FeedEntry[],
  who: Pick<TabReport, 'tab' | 'isLeader'>,
  now: number,
): TabMessage {
  const hasGap = taken.some((entry) => entry.kind === 'gap');
  const cursor = writeCursor(connection.reader);
  return {
    kind: 'told',
    ...who,
    ...reportOf(connection, now),
    hasGap,
    from: hasGap ? cursor : writeCursor(before),
    cursor,
    events: hasGap ? [] : taken.flatMap((entry) => (entry.kind === 'event' ? [entry.event] : [])),
  };
}

/**
 * Reads what another tab said.
 * @throws FeedError `bad-request` when it is none of these.
 */
export function readTold(message: TabMessage & { readonly kind: 'told' }, channels: readonly string[]): Told {
  const { kind: _, from, cursor, events, ...report } = readRecord(message, 'told') as typeof message;
  const at = (text: string | null) => (text === null ? new Map() : readCursorOf(channels, text, 'told'));
  const end: Cursor = at(cursor);
  return { ...report, from: at(from), cursor: end, items: events.map((each) => readEvent(each, end)) };
}
