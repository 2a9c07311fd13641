import { useContext, useSyncExternalStore } from 'react';
import { Age } from './age.tsx';
import styles from './event-time.module.css';
import { TimeSenseContext } from './time-sense.ts';
import { localDay, localTime, utcDay, utcTime } from './time-text.ts';

/**
 * When the log took an event: in UTC where the server renders it, in the reader's own zone and locale as soon as the
 * page is alive, or how long ago. All are two lines of one width, so that nothing moves.
 */
export function EventTime({ time }: { readonly time: number }) {
  const { style } = useContext(TimeSenseContext);
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
      <span className={styles.clock}>{style === 'ago' ? <Age time={time} /> : clock}</span>{' '}
      <span className={styles.day}>{style === 'ago' ? clock : day}</span>
    </time>
  );
}

/** A time zone does not change while a page is open. */
function never() {
  return () => {};
}
