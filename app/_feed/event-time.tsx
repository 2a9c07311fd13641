import { useSyncExternalStore } from 'react';
import styles from './event-time.module.css';
import { localDay, localTime, utcDay, utcTime } from './time-text.ts';

/**
 * When the log took an event: in UTC where the server renders it, in the reader's own zone and locale as soon as the
 * page is alive. Both are as wide, so that nothing moves.
 */
export function EventTime({ time }: { readonly time: number }) {
  const clock = useSyncExternalStore(
    never,
    () => localTime(time),
    () => utcTime(time),
  );
  const day = useSyncExternalStore(
    never,
    () => localDay(time),
    () => utcDay(time),
  );
  const iso = `${utcDay(time)}T${utcTime(time, 'ms')}Z`;
  return (
    <time className={styles.time} dateTime={iso} title={iso}>
      <span className={styles.clock}>{clock}</span> <span className={styles.day}>{day}</span>
    </time>
  );
}

/** A time zone does not change while a page is open. */
function never() {
  return () => {};
}
