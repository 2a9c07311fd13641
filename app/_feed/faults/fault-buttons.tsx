import { useState } from 'react';
import styles from './fault-panel.module.css';
import { FaultPanel } from './fault-panel.tsx';
import type { FaultyFetch } from './faulty-fetch.ts';

/** In development: two buttons that disturb the connection of this browser alone. */
export function FaultButtons({ faultyFetch }: { readonly faultyFetch: FaultyFetch }) {
  const [isBlocked, setBlocked] = useState(false);
  const toggle = () => {
    faultyFetch.blockStreams(!isBlocked);
    setBlocked(!isBlocked);
  };
  return (
    <FaultPanel note="only in development" title="Disturb the connection">
      <div className={styles.faults}>
        <button className={styles.fault} onClick={faultyFetch.cut} type="button">
          Cut connection
        </button>
        <button aria-pressed={isBlocked} className={styles.fault} onClick={toggle} type="button">
          Block streaming
        </button>
      </div>
    </FaultPanel>
  );
}
