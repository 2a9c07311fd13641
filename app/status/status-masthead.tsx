import type { ReactNode } from 'react';
import { basePath } from '../../lib/config/routes.ts';
import { Mark } from '../_feed/masthead.tsx';
import styles from './status-masthead.module.css';

/** The bar at the top: the name of the page, and beside it its connection. */
export function StatusMasthead({ children }: { readonly children?: ReactNode }) {
  return (
    <header className={styles.masthead}>
      <div className={styles.name}>
        <Mark />
        <h1 className={styles.feed}>
          <a href={`${basePath}/`}>Steadfeed</a> <span className={styles.page}>status</span>
        </h1>
      </div>
      {children}
    </header>
  );
}
