import { useEffect, useState } from 'react';
import { countText } from './figures.ts';
import type { Pulse } from './pulse.ts';
import styles from './visually-hidden.module.css';

/** Shortest time between two announcements, in ms. A busy feed must not talk without end. */
const everyMs = 20_000;

/** Tells those who listen that events have come: how many, and only now and then. */
export function Announcer({ pulse }: { readonly pulse: Pulse }) {
  const [words, setWords] = useState('');
  useEffect(() => {
    let told = pulse.total();
    const timer = setInterval(() => {
      const count = pulse.total() - told;
      if (count === 0) return;
      told += count;
      setWords(`${countText(count)} ${count === 1 ? 'event has' : 'events have'} come`);
    }, everyMs);
    return () => clearInterval(timer);
  }, [pulse]);
  return (
    <p aria-live="polite" className={styles.hidden}>
      {words}
    </p>
  );
}
