import type { ReactNode } from 'react';
import styles from './counters.module.css';
import { seqOf } from './event-seq.ts';
import { countText } from './figures.ts';

export type CountersProps = {
  /** Events in the list; and how many there are, where a filter hides some. */
  readonly shown: number;
  readonly of: number;
  /** Planned changes of stream since the page was opened. */
  readonly handovers: number;
  /** Where the reader is; null where it has read nothing. */
  readonly cursor: string | null;
  /** What brings events now; null while nothing does. */
  readonly transport: 'stream' | 'poll' | null;
  /** The charts beside them. */
  readonly children: ReactNode;
};

/** The quiet figures below the status. */
export function Counters({ shown, of, handovers, cursor, transport, children }: CountersProps) {
  const seq = seqOf(cursor);
  const figures = [
    ['Shown', shown === of ? countText(shown) : `${countText(shown)} of ${countText(of)}`],
    ['Handovers', countText(handovers)],
    ['Cursor', seq === null ? '–' : `#${countText(seq)}`],
    ['Transport', transport ?? '–'],
  ] as const;
  return (
    <div className={styles.vitals}>
      <dl className={styles.counters}>
        {figures.map(([name, value]) => (
          <div className={styles.counter} key={name}>
            <dt className={styles.name}>{name}</dt>
            <dd className={styles.value} title={name === 'Cursor' && cursor !== null ? cursor : undefined}>
              {value}
            </dd>
          </div>
        ))}
      </dl>
      {children}
    </div>
  );
}
