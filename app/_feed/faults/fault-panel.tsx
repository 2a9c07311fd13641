import { type ReactNode, useId, useState } from 'react';
import panel from '../panel.module.css';
import styles from './fault-panel.module.css';

type FaultPanelProps = { readonly title: string; readonly note: string; readonly children: ReactNode };

/** A panel with buttons that break something. On a narrow screen its title opens it. */
export function FaultPanel({ title, note, children }: FaultPanelProps) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  return (
    <fieldset aria-labelledby={id} className={`${panel.panel} ${styles.panel}`}>
      <h2 className={styles.title}>
        <span id={id}>{title}</span> <span className={styles.note}>{note}</span>
      </h2>
      <button aria-expanded={isOpen} className={styles.toggle} onClick={() => setOpen(!isOpen)} type="button">
        <span>
          {title} <span className={styles.note}>{note}</span>
        </span>
      </button>
      <div className={isOpen ? styles.content : `${styles.content} ${styles.closed}`}>{children}</div>
    </fieldset>
  );
}
