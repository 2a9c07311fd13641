import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { FeedStatus } from '../../lib/client/connection/status.ts';
import type { Gap } from '../../lib/core/continuity.ts';
import styles from './connection-panel.module.css';
import { countText, durationText, gapWords } from './format.ts';
import { Countdown } from './status-bar.tsx';
import { Age, localTime } from './time.tsx';

type ConnectionDrawerProps = {
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

/** Writes down what happens to a connection while the page is open, newest first. */
export function useFeedLife(moment: LifeMoment): readonly LifeStep[] {
  const [life, setLife] = useState<readonly LifeStep[]>([]);
  const before = useRef(moment);
  useEffect(() => {
    const past = before.current;
    before.current = moment;
    setLife((known) => lifeAfter(known, past, moment, Date.now()));
  }, [moment]);
  return life;
}

/** What is told of a connection at one moment. */
export type LifeMoment = {
  readonly status: FeedStatus;
  readonly transport: 'stream' | 'poll' | null;
  /** Whether this tab reads for itself, for all of the browser's, or hears one that does. */
  readonly role: 'alone' | 'leader' | 'follower';
  readonly handovers: number;
  readonly reconnects: number;
  readonly holes: number;
  readonly gaps: readonly Gap[];
  /** What the server said when it refused; null where nothing was said. */
  readonly reason: string | null;
};

/** Something that happened to a connection. */
export type LifeStep = { readonly key: number; readonly time: number; readonly words: string };

/** Most steps kept. */
const most = 100;

const statusText: Readonly<Record<FeedStatus, string>> = {
  connecting: 'A stream is being opened',
  streaming: 'Live, by a stream',
  'handing over': 'The next stream is opening, this one goes on',
  waiting: 'Cut; waiting to try again',
  polling: 'Polling; streaming is tried again now and then',
  paused: 'Paused while hidden',
  offline: 'Offline',
  stopped: 'Stopped',
};

const roleText = {
  leader: 'This tab reads for all tabs of this feed',
  follower: 'Another tab reads for this one',
} as const;

/**
 * A connection's life, newest first, with what changed from one moment to the next.
 * @param time Unix time in ms.
 */
export function lifeAfter(
  life: readonly LifeStep[],
  before: LifeMoment,
  now: LifeMoment,
  time: number,
): readonly LifeStep[] {
  const words = changes(before, now);
  if (words.length === 0) return life;
  const next = (life[0]?.key ?? 0) + 1;
  const steps = words.map((text, index) => ({ key: next + index, time, words: text }));
  return [...steps.reverse(), ...life].slice(0, most);
}

function changes(before: LifeMoment, now: LifeMoment): string[] {
  const words: string[] = [];
  const rise = (name: 'handovers' | 'reconnects' | 'holes', text: string) => {
    if (now[name] > before[name]) words.push(`${text} (${countText(now[name])} so far)`);
  };
  rise('reconnects', 'A stream was lost');
  rise('holes', 'Events had been skipped; they are read again');
  rise('handovers', 'Handed over to the next stream');
  if (now.role !== before.role && now.role !== 'alone') words.push(roleText[now.role]);
  for (const gap of now.gaps) if (!before.gaps.includes(gap)) words.push(gapWords(gap, null));
  if (now.status !== before.status) {
    const why = now.reason !== null && now.reason !== before.reason ? `: ${now.reason}` : '';
    words.push(`${statusText[now.status]}${why}`);
  }
  return words;
}
