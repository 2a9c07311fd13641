import styles from './folded.module.css';

export type FoldedProps = {
  /** The first characters, on one line. */
  readonly beginning: string;
  /** How much there is, in words. */
  readonly size: string;
  /** All of it. */
  readonly text: string;
};

/** What is too long for the list: its beginning, and all of it once opened. Opens without JavaScript too. */
export function Folded({ beginning, size, text }: FoldedProps) {
  return (
    <details className={styles.folded}>
      <summary className={styles.summary}>
        <span className={styles.beginning} dir="auto">
          {beginning}
        </span>
        <span className={styles.size}>{size}</span>
      </summary>
      <pre className={styles.text} dir="auto">
        {text}
      </pre>
    </details>
  );
}
