import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { FeedStatus, PollingReason } from '../../lib/client/feed-options.ts';
import type { Gap } from '../../lib/core/continuity.ts';
import styles from './connection-panel.module.css';
import { describeGap, formatCount, formatDuration } from './format.ts';
import { Countdown, pollingReasons } from './status-bar.tsx';
import { Age, formatLocalTime } from './time.tsx';

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

type ConnectionPanelProps = {
  readonly connection: ConnectionSnapshot;
  /** Newest first. */
  readonly history: readonly ConnectionChange[];
  readonly cursor: string | null;
  /** Unix time in ms of the next try; null if none is planned. */
  readonly retryAt: number | null;
  /** How far the reader's clock is ahead of the server's, in ms. */
  readonly skewMs: number;
  readonly onClose: () => void;
  /** Buttons that disturb the connection; none outside development. */
  readonly children?: ReactNode;
};

/** The state and the history of the connection, beside the list. */
export function ConnectionPanel(props: ConnectionPanelProps) {
  const { connection, history, cursor, retryAt, skewMs } = props;
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Status', connection.status],
    ['Transport', connection.transport ?? 'none'],
    ['Read by', connection.role === 'follower' ? 'another tab' : 'this tab'],
    ['Next retry', retryAt === null ? 'none' : <Countdown key="next" until={retryAt} />],
    ['Handovers', formatCount(connection.handovers)],
    ['Streams lost', formatCount(connection.reconnects)],
    ['Skips repaired', formatCount(connection.discontinuities)],
    ['Gaps', describeGaps(connection.gaps)],
    ['Your clock', describeSkew(skewMs)],
  ];
  return (
    <aside aria-label="Connection" className={styles.panel}>
      <header className={styles.header}>
        <h2 className={styles.title}>Connection</h2>
        <button className={styles.close} onClick={props.onClose} type="button">
          Close
        </button>
      </header>
      {props.children}
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className={styles.name}>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div className={styles.wide}>
          <dt className={styles.name}>Cursor</dt>
          <dd className={styles.cursor}>{cursor ?? 'none'}</dd>
        </div>
      </dl>
      <h3 className={styles.name}>History</h3>
      <ol className={styles.history}>
        {history.map((change) => (
          <li className={styles.change} key={change.key}>
            <span>{change.text}</span>
            <span className={styles.name}>
              {formatLocalTime(change.time)}, <Age isLocalClock time={change.time} />
            </span>
          </li>
        ))}
        {history.length === 0 && <li>Nothing yet.</li>}
      </ol>
    </aside>
  );
}

function describeGaps(gaps: readonly Gap[]): string {
  if (gaps.length === 0) return 'none';
  const missed = gaps.reduce((sum, gap) => sum + (gap.missed ?? 0), 0);
  return `${formatCount(gaps.length)} (${formatCount(missed)} events missing)`;
}

function describeSkew(skewMs: number): string {
  if (skewMs === 0) return 'in sync';
  return `${formatDuration(Math.abs(skewMs) / 1_000)} ${skewMs > 0 ? 'ahead' : 'behind'}`;
}

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
  resting: 'Resting: nothing has happened for a while',
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
