'use client';

import { useEffect, useState } from 'react';
import styles from './countdown.module.css';

/** Seconds left until `until` (Unix time in ms), counted down; says `soon` where that is not known. */
export function Countdown({ until }: { readonly until: number | null }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  const seconds = until === null ? 0 : Math.ceil((until - now) / 1_000);
  return (
    <span className={styles.countdown} role="timer">
      {seconds > 0 ? `in ${seconds} s` : 'now'}
    </span>
  );
}
