import { memo, useId } from 'react';
import type { Gap } from '../../lib/core/gap.ts';
import styles from './gap-row.module.css';
import { gapWords } from './gap-words.ts';

export type GapRowProps = {
  readonly gap: Gap;
  /** The first of the list is where the Tab key enters it. */
  readonly isFirst: boolean;
  /** Events the log keeps per channel; null where that is not known. */
  readonly retention: number | null;
};

/** The place in the list where events are missing, said aloud. */
export const GapRow = memo(function GapRow({ gap, isFirst, retention }: GapRowProps) {
  const labelId = useId();
  return (
    <article aria-labelledby={labelId} className={styles.gap} tabIndex={isFirst ? 0 : -1}>
      <p className={styles.words} id={labelId}>
        {gapWords(gap, retention)}
      </p>
    </article>
  );
});
