import styles from './folded.module.css';

/** What the reader has opened: a row that leaves the page and comes back is as it was. */
const opened = new WeakSet<object>();

/** What scrolls must be within reach of the keyboard. */
const reachable = 0;

export type FoldedProps = {
  /** Whose text it is; the same object for as long as it is. */
  readonly owner: object;
  /** The first characters, on one line. */
  readonly beginning: string;
  /** How much there is, in words. */
  readonly size: string;
  /** All of it. */
  readonly text: string;
};

/** What is too long for the list: its beginning, and all of it once opened. Opens without JavaScript too. */
export function Folded({ owner, beginning, size, text }: FoldedProps) {
  return (
    <details
      className={styles.folded}
      onToggle={(toggle) => (toggle.currentTarget.open ? opened.add(owner) : opened.delete(owner))}
      open={opened.has(owner)}
    >
      <summary className={styles.summary}>
        <span className={styles.beginning} dir="auto">
          {beginning}
        </span>
        <span className={styles.size}>{size}</span>
      </summary>
      <pre className={styles.text} dir="auto" tabIndex={reachable}>
        {text}
      </pre>
    </details>
  );
}
