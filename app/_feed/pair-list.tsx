import styles from './pair-list.module.css';

export type PairListProps = {
  readonly pairs: readonly (readonly [key: string, value: string])[];
  /** Equal columns, so that the same keys stand below each other in a list. Default: as wide as they need. */
  readonly isAligned?: boolean;
};

/** Short keys and values, each key over its value. */
export function PairList({ pairs, isAligned = false }: PairListProps) {
  return (
    <dl className={isAligned ? `${styles.pairs} ${styles.aligned}` : styles.pairs}>
      {pairs.map(([key, value]) => (
        <div className={styles.pair} key={key}>
          <dt className={styles.key}>{key}</dt>
          <dd className={styles.value} dir="auto">
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}
