import type { ReactNode } from 'react';
import { ChannelForm } from './channel-form.tsx';
import styles from './masthead.module.css';

/** The bar on top: whose feed this is and, beside it, what it is doing. */
export function Masthead({ channel, children }: { readonly channel: string; readonly children?: ReactNode }) {
  return (
    <header className={styles.masthead}>
      <div className={styles.name}>
        <h1>Steadfeed</h1>
        <ChannelForm channel={channel} />
      </div>
      {children}
    </header>
  );
}
