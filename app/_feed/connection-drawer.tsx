import type { ReactNode } from 'react';
import type { Gap } from '../../lib/core/continuity.ts';
import { Age } from './age.tsx';
import styles from './connection-drawer.module.css';
import { Countdown } from './countdown.tsx';
import type { LifeMoment, LifeStep } from './feed-life.ts';
import { countText, durationText } from './figures.ts';
import { localTime } from './time-text.ts';

export type ConnectionDrawerProps = {
  readonly moment: LifeMoment;
  /** Newest first. */
  readonly life: readonly LifeStep[];
  readonly cursor: string | null;
  /** Unix time in ms of the next try; null while none is waited for. */
  readonly retryAt: number | null;
  /** How far the reader's clock is ahead of the server's, in ms. */
  readonly skewMs: number;
  readonly onClose: () => void;
  /** Means to disturb the connection; none outside development. */
  readonly children?: ReactNode;
};

/** The connection's life, for one who wants to see it survive. The list stays in sight beside it. */
export function ConnectionDrawer(props: ConnectionDrawerProps) {
  const { moment, life, cursor, retryAt, skewMs } = props;
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Status', moment.status],
    ['Transport', moment.transport ?? 'none'],
    ['Read by', moment.role === 'follower' ? 'another tab' : 'this tab'],
    ['Next try', retryAt === null ? 'none' : <Countdown key="next" until={retryAt} />],
    ['Handovers', countText(moment.handovers)],
    ['Streams lost', countText(moment.reconnects)],
    ['Read again', countText(moment.holes)],
    ['Gaps', gapText(moment.gaps)],
    ['Your clock', skewText(skewMs)],
  ];
  return (
    <aside aria-label="Connection" className={styles.drawer}>
      <header className={styles.head}>
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
      <h3 className={styles.name}>What happened</h3>
      <ol className={styles.life}>
        {life.map((step) => (
          <li className={styles.step} key={step.key}>
            <span>{step.words}</span>
            <span className={styles.name}>
              {localTime(step.time)}, <Age isLocal time={step.time} />
            </span>
          </li>
        ))}
        {life.length === 0 && <li>Nothing yet.</li>}
      </ol>
    </aside>
  );
}

function gapText(gaps: readonly Gap[]): string {
  if (gaps.length === 0) return 'none';
  const missed = gaps.reduce((sum, gap) => sum + (gap.missed ?? 0), 0);
  return `${countText(gaps.length)}, ${countText(missed)} events`;
}

function skewText(skewMs: number): string {
  if (skewMs === 0) return 'as the server’s';
  return `${durationText(Math.abs(skewMs) / 1_000)} ${skewMs > 0 ? 'ahead' : 'behind'}`;
}
