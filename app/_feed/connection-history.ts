import { useEffect, useRef, useState } from 'react';
import type { FeedStatus, PollingReason } from '../../lib/client/feed-options.ts';
import type { Gap } from '../../lib/core/continuity.ts';
import { describeGap, formatCount } from './format.ts';
import { pollingReasons } from './status-bar.tsx';

/** The parts of a feed's snapshot that describe its connection. */
export type ConnectionSnapshot = {
  readonly status: FeedStatus;
  readonly transport: 'stream' | 'poll' | null;
  /** Whether this tab reads for itself, reads for other tabs too, or receives from a tab that reads. */
  readonly role: 'alone' | 'leader' | 'follower';
  readonly handovers: number;
  readonly reconnects: number;
  readonly discontinuities: number;
  readonly gaps: readonly Gap[];
  /** What the server said when it refused; null if it said nothing. */
  readonly reason: string | null;
  /** Why the client polls instead of streaming; null if it does not. */
  readonly pollingReason: PollingReason | null;
};

/** One change of a connection. */
export type ConnectionChange = {
  readonly key: number;
  /** Unix time in ms. */
  readonly time: number;
  readonly text: string;
};

/** The changes of a connection since the page was opened, newest first. */
export function useConnectionHistory(connection: ConnectionSnapshot): readonly ConnectionChange[] {
  const [history, setHistory] = useState<readonly ConnectionChange[]>([]);
  const latest = useRef(connection);
  useEffect(() => {
    const before = latest.current;
    latest.current = connection;
    setHistory((current) => recordChanges(current, before, connection, Date.now()));
  }, [connection]);
  return history;
}

/** Most changes kept. */
const maxChanges = 100;

/**
 * Adds to the history what changed between two snapshots. Newest first.
 * @param time of the changes: Unix time in ms.
 */
export function recordChanges(
  history: readonly ConnectionChange[],
  before: ConnectionSnapshot,
  now: ConnectionSnapshot,
  time: number,
): readonly ConnectionChange[] {
  const texts = describeChanges(before, now);
  if (texts.length === 0) return history;
  const nextKey = (history[0]?.key ?? 0) + 1;
  const changes = texts.map((text, index) => ({ key: nextKey + index, time, text }));
  return [...changes.reverse(), ...history].slice(0, maxChanges);
}

const statusTexts: Readonly<Record<FeedStatus, string>> = {
  connecting: 'Opening a stream',
  streaming: 'Live on a stream',
  'handing over': 'Opening the next stream while this one continues',
  waiting: 'Disconnected; waiting to reconnect',
  polling: 'Polling; streaming will be retried',
  resting: 'Resting: polls cost less than a stream',
  ended: 'Ended: no more events will come',
  paused: 'Paused in the background',
  offline: 'Offline',
  stopped: 'Stopped',
};

const roleTexts = {
  leader: 'This tab now reads for all tabs of this feed',
  follower: 'Another tab now reads for this one',
} as const;

function describeChanges(before: ConnectionSnapshot, now: ConnectionSnapshot): string[] {
  const texts: string[] = [];
  const addIfGrown = (name: 'handovers' | 'reconnects' | 'discontinuities', text: string) => {
    if (now[name] > before[name]) texts.push(`${text} (${formatCount(now[name])} so far)`);
  };
  addIfGrown('reconnects', 'A stream was lost');
  addIfGrown('discontinuities', 'Events were skipped and are read again from the log');
  addIfGrown('handovers', 'Handed over to the next stream');
  if (now.role !== before.role && now.role !== 'alone') texts.push(roleTexts[now.role]);
  for (const gap of now.gaps) if (!before.gaps.includes(gap)) texts.push(describeGap(gap, null));
  if (now.status !== before.status) {
    const reason = now.reason !== null && now.reason !== before.reason ? `: ${now.reason}` : '';
    texts.push(`${statusTexts[now.status]}${reason}`);
    if (now.status === 'polling' && now.pollingReason !== null) texts.push(pollingReasons[now.pollingReason]);
  }
  return texts;
}
