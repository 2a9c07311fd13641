import { useId } from 'react';
import type { Gap } from '../../lib/core/continuity.ts';
import styles from './gap-row.module.css';
import { gapWords } from './gap-words.ts';
import type { RowPlace } from './row-place.ts';

export type GapRowProps = RowPlace & {
  readonly gap: Gap;
  /** Events the log keeps per channel; null where that is not known. */
  readonly retention: number | null;
};

/** The place in the list where events are missing, said aloud. */
export function GapRow({ gap, retention, index, isEntrance, measure }: GapRowProps) {
  const labelId = useId();
  return (
    <article
      aria-labelledby={labelId}
      className={styles.gap}
      data-index={index}
      ref={measure}
      tabIndex={isEntrance ? 0 : -1}
    >
      <p className={styles.words} id={labelId}>
        {gapWords(gap, retention)}
      </p>
    </article>
  );
}
