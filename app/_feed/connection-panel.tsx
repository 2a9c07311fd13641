import type { ReactNode } from 'react';
import type { Gap } from '../../lib/core/continuity.ts';
import type { ConnectionChange, ConnectionSnapshot } from './connection-history.ts';
import styles from './connection-panel.module.css';
import { formatCount, formatDuration } from './format.ts';
import { Countdown } from './status-bar.tsx';
import { Age, formatLocalTime } from './time.tsx';

/** The keyboard must reach an element that scrolls. */
const reachableByKeyboard = 0;

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
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt className={styles.name}>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div>
          <dt className={styles.name}>Cursor</dt>
          <dd className={styles.cursor}>{cursor ?? 'none'}</dd>
        </div>
      </dl>
      <h3 className={styles.name}>History</h3>
      <ol className={styles.history} tabIndex={reachableByKeyboard}>
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
