import { countText } from './figures.ts';
import styles from './new-events.module.css';

export type NewEventsProps = {
  /** How many have come since the reader left the top; null where that is not known any more. */
  readonly count: number | null;
  readonly onJump: () => void;
};

/** "12 new": what has come while the reader reads elsewhere, and the way there. */
export function NewEvents({ count, onJump }: NewEventsProps) {
  if (count === 0) return null;
  return (
    <div className={styles.place}>
      <button aria-keyshortcuts="n" className={styles.jump} onClick={onJump} type="button">
        {count === null ? 'Many' : countText(count)} new <kbd className={styles.key}>N</kbd>
      </button>
    </div>
  );
}
