import type { ReactNode } from 'react';
import styles from './masthead.module.css';

/** The bar on top: whose feed this is and, beside it, what it is doing. */
export function Masthead({ channel, children }: { readonly channel: string; readonly children?: ReactNode }) {
  return (
    <header className={styles.masthead}>
      <h1 className={styles.name}>
        Steadfeed <span className={styles.channel}>{channel}</span>
      </h1>
      {children}
    </header>
  );
}
