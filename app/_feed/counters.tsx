import styles from './counters.module.css';
import { seqOf } from './event-seq.ts';
import { countText } from './figures.ts';

export type CountersProps = {
  /** Events in the list. */
  readonly shown: number;
  /** Planned changes of stream since the page was opened. */
  readonly handovers: number;
  /** Where the reader is; null where it has read nothing. */
  readonly cursor: string | null;
  /** What brings events now; null while nothing does. */
  readonly transport: 'stream' | 'poll' | null;
};

/** The quiet figures below the status. */
export function Counters({ shown, handovers, cursor, transport }: CountersProps) {
  const seq = seqOf(cursor);
  const figures = [
    ['Shown', countText(shown)],
    ['Handovers', countText(handovers)],
    ['Cursor', seq === null ? '–' : `#${countText(seq)}`],
    ['Transport', transport ?? '–'],
  ] as const;
  return (
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
  );
}
