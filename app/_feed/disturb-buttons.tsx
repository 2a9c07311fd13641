import { useState } from 'react';
import styles from './disturb-buttons.module.css';
import type { DisturbedFetch } from './disturbed-fetch.ts';

/** In development: cuts the connection, or holds streams back, in this browser alone. */
export function DisturbButtons({ disturbed }: { readonly disturbed: DisturbedFetch }) {
  const [isBlocked, setBlocked] = useState(false);
  const toggle = () => {
    disturbed.block(!isBlocked);
    setBlocked(!isBlocked);
  };
  return (
    <fieldset className={styles.disturb}>
      <legend className={styles.legend}>In development only</legend>
      <button className={styles.button} onClick={disturbed.cut} type="button">
        Cut
      </button>
      <button aria-pressed={isBlocked} className={styles.button} onClick={toggle} type="button">
        Block streaming
      </button>
    </fieldset>
  );
}
