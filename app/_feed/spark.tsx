import styles from './spark.module.css';

export type SparkProps = {
  readonly name: string;
  /** One bar each, oldest first; null where there is nothing to tell. */
  readonly values: readonly (number | null)[];
  /** The newest value, in words. */
  readonly now: string;
  /** The highest, in words. */
  readonly most: string;
};

/** A row of small bars, the highest as high as the row; its words say the same. */
export function Spark({ name, values, now, most }: SparkProps) {
  const top = Math.max(1, ...values.map((value) => value ?? 0));
  const bars = values.map((value, x) => (value ? `M${x} 1v${-(value / top).toFixed(3)}h.7v1z` : ''));
  return (
    <div className={styles.spark}>
      <p className={styles.name}>
        {name} <span className={styles.now}>{now}</span>
      </p>
      <svg
        aria-label={`${name} over the last minute: ${now} now, at most ${most}`}
        className={styles.bars}
        preserveAspectRatio="none"
        role="img"
        viewBox={`0 0 ${values.length} 1`}
      >
        <path d={bars.join('')} />
      </svg>
    </div>
  );
}
